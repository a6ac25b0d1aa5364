"""What with-kvm is made of: packages, the initramfs, and one module a lane."""
