// `tenon sim`: runs the simulator, a program of its own because its port stands in for the machine's. It lies beside this one.
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"

int command_sim(int argument_count, char **arguments) {
    char path[1024];
    (void)argument_count;
    ssize_t size = readlink("/proc/self/exe", path, sizeof path - 16);
    char *slash = size > 0 ? memrchr(path, '/', (size_t)size) : NULL;
    if (slash == NULL) {
        fprintf(stderr, "tenon sim: this program's own folder cannot be found; run tenon-sim itself\n");
        return EXIT_REFUSED;
    }
    memcpy(slash + 1, "tenon-sim", sizeof "tenon-sim");
    execv(path, arguments);
    fprintf(stderr, "tenon sim: %s cannot be run: build it with ./dev build\n", path);
    return EXIT_REFUSED;
}
