/*
 * One error, made where the cause is known, wrapped on the way up, printed once by cli.
 * The functions keep no state: any thread may call them on an error of its own.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#define ERROR_TEXT_MAX 512

struct error {
	int code;                    /* errno value, positive; 0 = no error */
	char text[ERROR_TEXT_MAX];   /* one line, no newline: what, where, what to do */
};

/* Sets code and text; a longer text is cut. err may be NULL. Returns -code, so "return error_set(...)". */
int error_set(struct error *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "fmt: " in front of the text that is there. err may be NULL. Returns -err->code (-EIO if NULL). */
int error_wrap(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
