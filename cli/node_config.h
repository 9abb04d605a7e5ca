// Reads a node's configuration (YAML) into struct node_config. Every mistake is said with file, line and remedy.
#ifndef TENON_CLI_NODE_CONFIG_H
#define TENON_CLI_NODE_CONFIG_H

#include "node/node.h"
#include "orchestrator/document.h"

// ERROR_NOT_FOUND, ERROR_STORAGE, ERROR_MALFORMED with `error` filled. Relative paths stay relative to the working directory.
MUST_CHECK enum error node_config_read(const char *path, struct node_config *out, struct document_error *error);

#endif
