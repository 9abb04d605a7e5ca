// What the files of this port need at the start.
#ifndef TENON_PORT_FREERTOS_FILE_H
#define TENON_PORT_FREERTOS_FILE_H

// Erases what a power cut left behind. Once, before any other call.
void port_files_open(void);

#endif
