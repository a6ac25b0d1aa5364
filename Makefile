# The front door.  Meson and ninja do the building; this file installs what they need, calls them with the
# right options and sums up the tests.  `make help` lists the targets.

BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
TIME ?= 60

# CI treats every warning as an error; a user with another compiler should not have to.
ifeq ($(CI),true)
WERROR = -Dwerror=true
endif

MESON_TEST = meson test --no-rebuild --print-errorlogs
LANES = svm vmx
# LONG=1: what a run of every day leaves out too
LATER = $(if $(LONG),,--no-suite long)
NO_LANES = $(addprefix --no-suite ,$(LANES))

.PHONY: all demo test test-quick check-asan check-tsan lint fuzz bench install clean help setup-build setup-test
.DEFAULT_GOAL := all

# ---- building ----------------------------------------------------------------------------------------

all: $(BUILD)/build.ninja ## build $(BUILD)/trapline
	ninja -C $(BUILD)

setup-build:
	@tools/setup build

setup-test:
	@tools/setup build test gdb lldb

$(BUILD)/build.ninja: | setup-build
	meson setup $(WERROR) $(BUILD)

# The same tree with the tests switched on; they need packages that a mere build does not.
$(BUILD)/.with-tests: | setup-test $(BUILD)/build.ninja
	meson configure $(BUILD) -Dtests=enabled
	@touch $@

# ---- running -----------------------------------------------------------------------------------------

demo: setup-demo all ## boot the demo guest and show a GDB session with it
	@tools/demo $(BUILD)

setup-demo:
	@tools/setup build gdb
.PHONY: setup-demo

# ---- testing -----------------------------------------------------------------------------------------

# $(call run-suites,BUILD_DIR,OPTIONS of meson test): the summary decides, and is the last thing printed.
run-suites = rm -f $(1)/meson-logs/testlog.json $(1)/summary; \
	$(MESON_TEST) -C $(1) $(2); tools/test-summary.py --out $(1)/summary $(1)

test: setup-test $(BUILD)/.with-tests ## every test, in every lane whose packages can be had
	@tools/setup --optional clients $(LANES)
	-@tools/newest-lldb
	ninja -C $(BUILD)
	@$(call run-suites,$(BUILD),$(LATER))

test-quick: setup-test $(BUILD)/.with-tests ## every test but the nested machines and the slowest, in 2 minutes
	ninja -C $(BUILD)
	@$(call run-suites,$(BUILD),$(NO_LANES) --no-suite slow)

# Sanitizers get build trees of their own. The program itself is among them, on this host's KVM and without the
# sandbox, which their run times would not live in.
SANITIZED = --suite unit --suite rsp --suite fuzz --suite vm

build-asan/build.ninja: | setup-test
	meson setup build-asan -Dtests=enabled -Db_sanitize=address,undefined -Db_pie=false $(WERROR)

check-asan: export UBSAN_OPTIONS = halt_on_error=1:print_stacktrace=1
check-asan: build-asan/build.ninja ## tests, debugger scenarios included, under address and UB sanitizer
	ninja -C build-asan
	@$(call run-suites,build-asan,$(SANITIZED) --suite cli --suite debugger --no-suite slow)

build-tsan/build.ninja: | setup-test
	meson setup build-tsan -Dtests=enabled -Db_sanitize=thread $(WERROR)

check-tsan: build-tsan/build.ninja ## the same without the debuggers under thread sanitizer
	ninja -C build-tsan
	@$(call run-suites,build-tsan,$(SANITIZED))

build-coverage/build.ninja: | setup-test
	@tools/setup coverage
	meson setup build-coverage -Dtests=enabled -Db_coverage=true $(WERROR)

coverage: build-coverage/build.ninja ## lines and branches of each layer that the tests execute
	ninja -C build-coverage
	$(MESON_TEST) -C build-coverage $(NO_LANES) --no-suite style --no-suite fault --no-suite rig || true
	@tools/coverage build-coverage
.PHONY: coverage

# Minutes, and only for those who change the code: not part of the tests.
lint: all ## clang-tidy, cppcheck, -fanalyzer and -Wconversion over src/
	@tools/setup lint
	@tools/lint $(BUILD)

build-fuzz/build.ninja:
	@tools/setup build test fuzz
	CC=clang meson setup build-fuzz -Dtests=enabled -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false

fuzz: build-fuzz/build.ninja ## every fuzz target for TIME= seconds (60)
	ninja -C build-fuzz
	@tools/fuzz build-fuzz $(TIME)

# BENCH= passes options to bench/run.py: make bench BENCH='--only steps --rounds 3'
bench: $(BUILD)/build.ninja ## measurements (bench/README.md)
	@tools/setup --optional bench
	ninja -C $(BUILD) bench-programs
	@bench/run.py $(BUILD) $(BENCH)

REV ?= HEAD
bench-compare: $(BUILD)/build.ninja ## this tree's speed against that of REV= (HEAD)
	ninja -C $(BUILD) bench-programs
	@bench/compare $(BUILD) $(REV) $(BENCH)
.PHONY: bench-compare

# ---- the rest ----------------------------------------------------------------------------------------

install: all ## program, man page and library below PREFIX= (/usr/local), staged in DESTDIR=
	meson configure $(BUILD) -Dprefix=$(abspath $(PREFIX))
	meson install -C $(BUILD) $(if $(DESTDIR),--destdir '$(abspath $(DESTDIR))')

clean: ## remove the build trees
	rm -rf $(BUILD) build-asan build-tsan build-fuzz build-coverage

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { sub(/\$$\(BUILD\)/, "$(BUILD)", $$2); printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
