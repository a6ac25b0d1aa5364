/* Levelled lines on stderr, "trapline: ..." . For cli, server and kvm; the pure layers return errors. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stddef.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Lines above this level are dropped; LOG_WARN at start. Set once, before threads exist. */
void log_set_level(enum log_level level);

/* One line in one write(2); "\r\n" ended while the terminal is raw (log_set_raw). Any thread. */
void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Every line of a text by log_line(), prefix in front of it. */
void log_lines(enum log_level level, const char *prefix, const char *text, size_t len);
void log_set_raw(int raw);

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)

#endif
