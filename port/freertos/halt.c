// What cannot be: a sentence on the log, and the board starts anew.
//
// Each start writes flash (the start counter, the seed), so a board that fails at every start must not start as often as it
// can. How many failed in a row stands in memory that a reset leaves alone; a loss of power forgets it, which is as good. The
// first are followed at once, for a rare fault should not keep a building waiting; then the board waits 1 s, 2 s ... 5 min.
// That is 288 starts a day, which flash of 10,000 cycles bears for years, for blocks are taken in turn.
#include <FreeRTOS.h>
#include <stdio.h>
#include <task.h>

#include "core/assert.h"
#include "port/freertos/board.h"
#include "port/port.h"

#define MARK 0x746c6148u
#define FAILURES_AT_ONCE 3u
#define WAIT_FIRST_MS 1000u
#define WAIT_MAX_MS 300000u
// A board that failed after so long had started well.
#define WELL_MS 600000u

static struct {
    uint32_t mark;
    uint32_t failures; // in a row
    uint32_t check;    // mark ^ failures
} kept __attribute__((section(".noinit")));

static TickType_t begun; // after the pause

static uint32_t failures(void) {
    return kept.mark == MARK && kept.check == (kept.mark ^ kept.failures) ? kept.failures : 0;
}

void port_halt(const char *what, const char *where) {
    port_log_line(where);
    port_log_line(what);
    kept.failures = xTaskGetTickCount() - begun < pdMS_TO_TICKS(WELL_MS) ? failures() + 1 : 1;
    kept.mark = MARK;
    kept.check = kept.mark ^ kept.failures;
    board_reset();
}

void port_halt_pause(void) {
    uint32_t count = failures();
    if (count > FAILURES_AT_ONCE) {
        char text[64];
        uint32_t shift = count - FAILURES_AT_ONCE - 1;
        uint32_t wait_ms = shift < 9 ? WAIT_FIRST_MS << shift : WAIT_MAX_MS;
        wait_ms = wait_ms > WAIT_MAX_MS ? WAIT_MAX_MS : wait_ms;
        snprintf(text, sizeof text, "%u starts in a row failed; waiting %u s", (unsigned)count, (unsigned)(wait_ms / 1000));
        port_log_line(text);
        vTaskDelay(pdMS_TO_TICKS(wait_ms));
    }
    begun = xTaskGetTickCount();
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
