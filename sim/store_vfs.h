// Lets the orchestrator's real SQLite store die with its host: writes count as effects, and after the host's end they are lost.
#ifndef TENON_SIM_STORE_VFS_H
#define TENON_SIM_STORE_VFS_H

// Becomes SQLite's default file system for this process. Once.
void store_vfs_start(void);

#endif
