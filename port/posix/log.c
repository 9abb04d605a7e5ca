// One line of the log, on standard error for the service manager.
#include <stdio.h>

#include "port/port.h"

void port_log_line(const char *line) {
    fprintf(stderr, "%s\n", line);
}
