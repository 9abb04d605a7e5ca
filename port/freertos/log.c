// One line of the log, on the serial line.
#include "port/freertos/board.h"
#include "port/port.h"

void port_log_line(const char *line) {
    for (; *line != '\0'; line++) {
        board_put(*line);
    }
    board_put('\n');
}
