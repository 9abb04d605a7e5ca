// What cannot be: a sentence on the log, and the board starts anew.
#include <FreeRTOS.h>
#include <task.h>

#include "core/assert.h"
#include "port/freertos/board.h"
#include "port/port.h"

void port_halt(const char *what, const char *where) {
    port_log_line(where);
    port_log_line(what);
    board_reset();
}

void assert_failed(const char *expression, const char *function) {
    port_halt(expression, function);
}

// For WAMR; the C library's raises a signal.
_Noreturn void abort(void);
void abort(void) {
    port_halt("abort", "engine");
}

void vApplicationStackOverflowHook(TaskHandle_t task, char *name) {
    (void)task;
    port_halt("stack overflow", name);
}
