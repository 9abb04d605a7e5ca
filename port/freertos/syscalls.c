// What newlib would ask of an operating system: there are no files, and no memory beyond what was reserved at link time, so
// that whatever should try to allocate fails at once.
#include <errno.h>
#include <sys/stat.h>

void *_sbrk(int increment);
int _write(int file, const char *data, int size);
int _read(int file, char *data, int size);
int _close(int file);
int _lseek(int file, int offset, int whence);
int _fstat(int file, struct stat *out);
int _isatty(int file);

void *_sbrk(int increment) {
    (void)increment;
    return (void *)-1;
}

int _write(int file, const char *data, int size) {
    (void)file;
    (void)data;
    return size;
}

int _read(int file, char *data, int size) {
    (void)file;
    (void)data;
    (void)size;
    return -1;
}

int _close(int file) {
    (void)file;
    return -1;
}

int _lseek(int file, int offset, int whence) {
    (void)file;
    (void)offset;
    (void)whence;
    return -1;
}

int _fstat(int file, struct stat *out) {
    (void)file;
    (void)out;
    return -1;
}

int _isatty(int file) {
    (void)file;
    return 0;
}
