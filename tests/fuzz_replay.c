// Runs a fuzz target over every file of a corpus folder, for builds without a fuzzing engine. No folder, no inputs: still a run
// of the empty input, so that the target itself is exercised.
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t input[1 << 20];

static int replay_file(const char *folder, const char *name) {
    char path[4096];
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path) {
        return 1;
    }
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return 1;
    }
    size_t size = fread(input, 1, sizeof input, file);
    fclose(file);
    LLVMFuzzerTestOneInput(input, size);
    return 0;
}

int main(int argument_count, char **arguments) {
    LLVMFuzzerTestOneInput(input, 0);
    int files = 0;
    DIR *folder = argument_count > 1 ? opendir(arguments[1]) : NULL;
    if (folder != NULL) {
        for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
            if (entry->d_name[0] != '.') {
                if (replay_file(arguments[1], entry->d_name) != 0) {
                    return 1;
                }
                files++;
            }
        }
        closedir(folder);
    }
    printf("replayed %d inputs\n", files);
    return 0;
}
