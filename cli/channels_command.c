// `tenon channels`: what was sent, received, lost, retried and refused on every channel, seen from both ends.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/channels.h"
#include "cli/commands.h"
#include "orchestrator/client.h"
#include "orchestrator/document.h"

// What is out of the ordinary, in the order in which it is told. The others have columns.
static const struct {
    enum channel_counter counter;
    const char *words;
} oddities[] = {
    {COUNTER_LOST, "lost"},
    {COUNTER_DROPPED, "dropped"},
    {COUNTER_REFUSED, "refused"},
    {COUNTER_EXPIRED, "expired"},
    {COUNTER_QUARANTINED, "quarantined"},
    {COUNTER_RETRIED, "retried"},
    {COUNTER_DUPLICATES, "duplicates"},
    {COUNTER_SUPERSEDED, "superseded"},
    {COUNTER_FALLBACKS, "fallbacks"},
};

static void print_count(const struct channel_row *row, enum channel_counter counter) {
    uint64_t count = 0;
    if (channel_count(row, counter, &count)) {
        printf(" %9" PRIu64, count);
    } else {
        printf(" %9s", "?");
    }
}

static void print_row(const struct channel_row *row, int width) {
    char name[256];
    const char *joint = "  ";
    snprintf(name, sizeof name, "%.110s -> %.110s", row->source, row->destination);
    printf("%-*s  %-11s", width, name, row->delivery);
    print_count(row, COUNTER_SENT);
    print_count(row, COUNTER_RECEIVED);
    print_count(row, COUNTER_PENDING);
    for (size_t i = 0; i < sizeof oddities / sizeof *oddities; i++) {
        uint64_t count = 0;
        (void)channel_count(row, oddities[i].counter, &count); // what one end knows is worth telling
        if (count > 0) {
            printf("%s%" PRIu64 " %s", joint, count, oddities[i].words);
            joint = ", ";
        }
    }
    if (row->ends[1].known && row->ends[1].stale) {
        printf("%sstale", joint);
        joint = ", ";
    }
    if (row->source_node[0] == '\0' || row->destination_node[0] == '\0') {
        printf("%snot in force: a task of it has no node", joint);
    }
    printf("\n");
}

static bool is_wanted(const struct channel_row *row, const char *name) {
    return name == NULL || channel_end_is_of(row->source, name) || channel_end_is_of(row->destination, name);
}

static void print_nodes(const struct channels *channels) {
    for (size_t i = 0; i < channels->node_count; i++) {
        const struct channel_node *node = &channels->nodes[i];
        if (!node->answered) {
            printf("node %s (%s) %s; what it counted is missing\n", node->name, node->address,
                   node->alive ? "did not answer" : "is dead");
        }
    }
}

static void print_table(const struct channels *channels, const char *name) {
    int width = (int)strlen("channel");
    for (size_t i = 0; i < channels->row_count; i++) {
        int length = (int)(strlen(channels->rows[i].source) + strlen(channels->rows[i].destination) + strlen(" -> "));
        width = is_wanted(&channels->rows[i], name) && length > width ? length : width;
    }
    printf("%-*s  %-11s %9s %9s %9s\n", width, "channel", "class", "sent", "received", "waiting");
    for (size_t i = 0; i < channels->row_count; i++) {
        if (is_wanted(&channels->rows[i], name)) {
            print_row(&channels->rows[i], width);
        }
    }
    print_nodes(channels);
}

static void print_json(const struct channels *channels, const char *name) {
    json_t *rows = json_array();
    json_t *nodes = json_array();
    for (size_t i = 0; i < channels->row_count; i++) {
        if (is_wanted(&channels->rows[i], name)) {
            json_array_append_new(rows, channel_json(&channels->rows[i]));
        }
    }
    for (size_t i = 0; i < channels->node_count; i++) {
        const struct channel_node *node = &channels->nodes[i];
        json_array_append_new(nodes, json_pack("{s:s, s:s, s:b, s:b, s:o}", "name", node->name, "address", node->address,
                                               "alive", (int)node->alive, "answered", (int)node->answered, "counters",
                                               channel_node_json(node)));
    }
    json_t *root = json_pack("{s:o, s:o}", "channels", rows, "nodes", nodes);
    json_dumpf(root, stdout, JSON_INDENT(2));
    printf("\n");
    json_decref(root);
}

// The closest of the tasks and resources that channels name.
static int refuse_name(const struct channels *channels, const char *name) {
    char best[256] = "";
    for (size_t i = 0; i < channels->row_count; i++) {
        const char *ends[2] = {channels->rows[i].source, channels->rows[i].destination};
        for (int k = 0; k < 2; k++) {
            char own[256];
            size_t length = strchr(ends[k], '/') == NULL ? strcspn(ends[k], ".") : strlen(ends[k]);
            snprintf(own, sizeof own, "%.*s", (int)(length < sizeof own ? length : 0), ends[k]);
            const char *candidates[2] = {own, best};
            const char *closest = document_closest(name, candidates, best[0] != '\0' ? 2 : 1);
            if (closest == own) {
                memcpy(best, own, sizeof best);
            }
        }
    }
    fprintf(stderr, "tenon channels: no channel begins or ends at '%s'; %s%s%s\n", name,
            best[0] != '\0' ? "did you mean '" : "", best[0] != '\0' ? best : "`tenon channels` alone lists them all",
            best[0] != '\0' ? "'?" : "");
    return EXIT_REFUSED;
}

int command_channels(int argument_count, char **arguments) {
    const char *orchestrator = NULL;
    const char *name = NULL;
    bool json = false;
    bool good = true;
    for (int i = 1; i < argument_count && good; i++) {
        if (strcmp(arguments[i], "--json") == 0) {
            json = true;
        } else if (strcmp(arguments[i], "--orchestrator") == 0 && i + 1 < argument_count) {
            orchestrator = arguments[++i];
        } else if (arguments[i][0] != '-' && name == NULL) {
            name = arguments[i];
        } else {
            good = false;
        }
    }
    if (!good) {
        fprintf(stderr, "usage: tenon channels [TASK | RESOURCE] [--json] [--orchestrator ADDRESS]\n");
        return EXIT_USAGE;
    }
    struct channels channels;
    if (!channels_collect("tenon channels", client_address(orchestrator), &channels)) {
        return EXIT_REFUSED;
    }
    bool found = name == NULL;
    for (size_t i = 0; i < channels.row_count && !found; i++) {
        found = is_wanted(&channels.rows[i], name);
    }
    int result = 0;
    if (!found) {
        result = refuse_name(&channels, name);
    } else if (json) {
        print_json(&channels, name);
    } else {
        print_table(&channels, name);
    }
    channels_free(&channels);
    return result;
}
