// The `channels` of a policy: each entry becomes a link for each of its destinations.
#include "orchestrator/policy_private.h"

#include <stdio.h>

static void read_duration(struct reader *reader, const struct document_node *channel, const char *key, uint32_t *out_ms) {
    const struct document_node *node = document_get(channel, key);
    uint64_t value = 0;
    struct document_error error;
    if (node == NULL) {
        return;
    }
    if (!document_duration(node, &value, &error)) {
        reader_report(reader, &error);
    } else if (value > UINT32_MAX || value == 0) {
        problems_error(reader->problems, node->line, "use more than 0 and at most 49d", "`%s` is out of range", key);
    } else {
        *out_ms = (uint32_t)value;
    }
}

static void read_class(struct reader *reader, const struct document_node *channel, struct policy_link *link) {
    static const char *const words[] = {"measurement", "event", "command"};
    const struct document_node *node = document_get(channel, "class");
    if (document_is_null(node)) {
        problems_error(reader->problems, channel->line, "write `class: measurement`, `class: event` or `class: command`",
                       "the channel has no class");
        return;
    }
    uint32_t word = reader_word(reader, node, "class", words, DELIVERY_CLASS_COUNT, DELIVERY_MEASUREMENT);
    link->delivery = word < DELIVERY_CLASS_COUNT ? (enum delivery_class)word : DELIVERY_MEASUREMENT;
}

// Which messages of a command channel wait when they cannot leave at once, and who is told what became of them.
static void read_queue_and_confirm(struct reader *reader, const struct document_node *channel, struct policy_link *link) {
    static const char *const words[] = {"newest", "all"};
    static const enum policy_queue meanings[] = {POLICY_QUEUE_NEWEST, POLICY_QUEUE_ALL, POLICY_QUEUE_DEFAULT};
    link->queue = meanings[reader_word(reader, document_get(channel, "queue"), "queue", words, 2, 2)];
    reader_name(reader, document_get(channel, "confirm"), &link->confirm);
}

static void refuse_key(struct reader *reader, const struct document_node *channel, const char *key, const char *classes) {
    const struct document_node *node = document_get(channel, key);
    if (node != NULL) {
        char remedy[96];
        snprintf(remedy, sizeof remedy, "remove it, or change the class to %s", classes);
        problems_error(reader->problems, node->line, remedy, "`%s` has no meaning in this class", key);
    }
}

// A value that stands still must come again before it is stale.
static void check_freshness(struct reader *reader, const struct document_node *channel, const struct policy_link *link) {
    if (link->stale_after_ms == 0) {
        return;
    }
    if (link->interval_max_ms >= link->stale_after_ms) {
        problems_error(reader->problems, document_get(channel, "max_interval")->line, "make max_interval the shorter one",
                       "max_interval is not shorter than stale_after: the input goes stale while its value stands still");
    } else if (link->threshold > 0 && link->interval_max_ms == 0) {
        problems_error(reader->problems, document_get(channel, "threshold")->line,
                       "add a `max_interval` that is shorter than stale_after",
                       "the threshold holds back a value that stands still, and the input goes stale");
    }
}

// Which keys go with which class: DESIGN.md §6.
static void check_class_keys(struct reader *reader, const struct document_node *channel, struct policy_link *link) {
    if (link->delivery != DELIVERY_MEASUREMENT) {
        refuse_key(reader, channel, "min_interval", "measurement");
        refuse_key(reader, channel, "max_interval", "measurement");
        refuse_key(reader, channel, "threshold", "measurement");
    }
    if (link->delivery == DELIVERY_COMMAND) {
        refuse_key(reader, channel, "stale_after", "measurement or event");
        refuse_key(reader, channel, "fallback", "measurement or event");
        if (document_get(channel, "expiry") == NULL) {
            problems_error(reader->problems, channel->line, "write how long a command holds, as in `expiry: 2h`",
                           "the command channel has no expiry");
        }
        if (link->priority == 0) {
            link->priority = POLICY_PRIORITY_DEFAULT;
        }
    } else {
        refuse_key(reader, channel, "priority", "command");
        refuse_key(reader, channel, "expiry", "command");
        refuse_key(reader, channel, "queue", "command");
    }
    if (link->delivery == DELIVERY_MEASUREMENT) {
        refuse_key(reader, channel, "confirm", "event or command");
    }
    const struct document_node *fallback = document_get(channel, "fallback");
    if (fallback != NULL && document_get(channel, "stale_after") == NULL && link->delivery != DELIVERY_COMMAND) {
        problems_error(reader->problems, fallback->line, "write when the value is too old, as in `stale_after: 10min`",
                       "a fallback without `stale_after` is never used");
    }
    if (link->interval_max_ms != 0 && link->interval_max_ms < link->interval_min_ms) {
        problems_error(reader->problems, document_get(channel, "max_interval")->line, "make max_interval the longer one",
                       "max_interval is shorter than min_interval");
    }
    if (link->delivery == DELIVERY_MEASUREMENT) {
        check_freshness(reader, channel, link);
    }
}

static void read_timing(struct reader *reader, const struct document_node *channel, struct policy_link *link) {
    struct document_error error;
    read_duration(reader, channel, "min_interval", &link->interval_min_ms);
    read_duration(reader, channel, "max_interval", &link->interval_max_ms);
    read_duration(reader, channel, "stale_after", &link->stale_after_ms);
    read_duration(reader, channel, "expiry", &link->expiry_ms);
    const struct document_node *node = document_get(channel, "priority");
    uint64_t priority = 0;
    if (node != NULL && !document_whole(node, 1, 16, &priority, &error)) {
        reader_report(reader, &error);
        priority = 16;
    }
    link->priority = (uint32_t)priority;
    node = document_get(channel, "threshold");
    if (node != NULL && !document_number(node, &link->threshold, &error)) {
        reader_report(reader, &error);
    } else if (link->threshold < 0) {
        problems_error(reader->problems, node->line, "write how far a value must move to be sent", "the threshold is negative");
    }
    node = document_get(channel, "fallback");
    if (node != NULL) {
        (void)reader_value(reader, node, &link->fallback);
    }
}

static void add_link(struct reader *reader, const struct policy_link *link) {
    struct policy *policy = reader->policy;
    char pair[2 * EXPANDED_SIZE_MAX + 8];
    snprintf(pair, sizeof pair, "%s -> %s", link->source.text, link->destination.text);
    uint32_t first = names_find(&reader->pairs, pair);
    if (first != NAMES_NONE) {
        if (policy->links[first].line != link->line) {
            problems_error(reader->problems, link->destination.line, "remove one of them",
                           "%s is connected twice, first at line %u", pair, policy->links[first].line);
        }
        return;
    }
    struct policy_link *links =
        reader_grown(reader, policy->links, policy->link_count, &policy->link_room, sizeof *link, POLICY_LINKS_MAX, "links");
    const char *kept = arena_keep(&policy->arena, pair);
    if (links == NULL || kept == NULL) {
        return;
    }
    policy->links = links;
    policy->links[policy->link_count] = *link;
    if (!names_add(&reader->pairs, kept, policy->link_count++)) {
        (void)reader_no_memory(reader);
    }
}

static void read_channel(struct reader *reader, const struct document_node *channel) {
    struct policy_link link = {.line = channel->line};
    struct policy_list destinations;
    reader_name(reader, document_get(channel, "from"), &link.source);
    reader_list(reader, document_get(channel, "to"), &destinations);
    read_class(reader, channel, &link);
    read_timing(reader, channel, &link);
    read_queue_and_confirm(reader, channel, &link);
    check_class_keys(reader, channel, &link);
    if (document_get(channel, "from") == NULL) {
        problems_error(reader->problems, channel->line, "write `from: TASK.OUTPUT` or `from: RESOURCE`",
                       "the channel has no source");
    }
    if (document_list_count(document_get(channel, "to")) == 0) {
        problems_error(reader->problems, channel->line, "write `to: [TASK.INPUT, ...]` or `to: RESOURCE`",
                       "the channel has no destination");
    }
    for (uint32_t i = 0; i < destinations.count && link.source.text != NULL; i++) {
        link.destination = destinations.items[i];
        add_link(reader, &link);
    }
}

void reader_channels(struct reader *reader, const struct document_node *section) {
    static const char *const keys[] = {"from",   "to",       "class",       "min_interval", "max_interval", "threshold",
                                       "expiry", "priority", "stale_after", "fallback",     "queue",        "confirm"};
    struct document_error error;
    if (document_is_null(section)) {
        return;
    }
    if (section->kind != DOCUMENT_SEQUENCE) {
        problems_error(reader->problems, section->line, "begin each channel with `- from: ...`", "`channels` is no list");
        return;
    }
    for (uint32_t i = 0; i < section->count && !reader->full; i++) {
        const struct document_node *channel = section->entries[i].value;
        if (!document_check_keys(channel, "a channel", keys, sizeof keys / sizeof *keys, &error)) {
            reader_report(reader, &error);
        }
        if (channel->kind != DOCUMENT_MAPPING) {
            continue;
        }
        uint32_t mask = reader_tree_mask(reader, channel);
        if (!reader_combinations_fit(reader, mask, channel->line)) {
            continue;
        }
        reader_choose_first(reader);
        do {
            read_channel(reader, channel);
        } while (reader_choose_next(reader, mask) && !reader->full);
    }
}
