// The list of resources behind /.well-known/core (RFC 6690), with its filter: ?rt=, if=, href= and any other attribute, exact
// or as a prefix with a trailing `*` (§4.1). Several filters must all hold.
#ifndef TENON_CORE_LINK_FORMAT_H
#define TENON_CORE_LINK_FORMAT_H

#include "core/coap_message.h"
#include "core/pen.h"

struct link_entry {
    const char *path;      // with its leading slash
    const char *rt;        // resource types with blanks between them; "" for none, as everywhere below
    const char *interface; // `if`
    const char *unit;      // `u`: a SenML unit
    const char *formats;   // `ct`
    bool observable;       // `obs`
};

struct link_list {
    struct pen pen;
    const struct coap_message *filter; // the request; its Uri-Query options are the filter
    uint32_t count;
};

// Adds the entry when it passes the filter. An overflow of the pen is to be looked at in the end.
void link_list_add(struct link_list *list, const struct link_entry *entry);

#endif
