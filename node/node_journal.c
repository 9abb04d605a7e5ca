// The node's journal: the runtime's batches go to the port's, one flush for all of a turn's, and a fresh picture in place of
// the old record when that has grown long, when the plan changed, or when writing failed.
//
//   GOOD --append, flush failed--> FAILED --every second: a picture beside the old record, committed--> GOOD
//
// While FAILED nothing counts as durable, so acknowledgements and reliable outputs wait and sources are pushed back: the
// building's measurements and whatever needs no journal go on.
#include <stdio.h>

#include "node/node_private.h"

// A flush that nobody waits for is put off for so long.
#define FLUSH_LATEST_MS 1000
#define RETRY_MS 1000

static void fail(struct node *node, const char *what) {
    if (!node->journal_failed) {
        node_log(node, "journal", "%s; events and commands wait until it can be written: free space in %s", what,
                 node->config->data);
    }
    node->journal_failed = true;
    node->journal_due_ms = port_clock_ms() + RETRY_MS;
}

void node_journal_append(struct node *node, struct bytes batch) {
    if (node->journal_pending == 0) {
        node->journal_due_ms = port_clock_ms() + FLUSH_LATEST_MS;
    }
    node->journal_pending++;
    if (!node->journal_failed && port_journal_append(node->journal, batch) != ERROR_NONE) {
        fail(node, "a batch could not be taken");
    }
}

static void put_picture(void *context, struct bytes batch) {
    struct node *node = context;
    if (node->journal_picture == ERROR_NONE) {
        node->journal_picture = port_journal_append(node->journal, batch);
    }
}

static void settled(struct node *node) {
    node->journal_pending = 0;
    node->journal_due_ms = UINT64_MAX;
    runtime_durable(&node->runtime, runtime_journaled(&node->runtime));
}

static void rewrite(struct node *node) {
    node->journal_picture = port_journal_rewrite(node->journal);
    if (node->journal_picture == ERROR_NONE) {
        runtime_snapshot(&node->runtime, put_picture, node);
    }
    if (node->journal_picture != ERROR_NONE || port_journal_commit(node->journal) != ERROR_NONE) {
        fail(node, "it could not be written anew");
        return;
    }
    if (node->journal_failed) {
        node_log(node, "journal", "is written again; nothing that was acknowledged is lost");
    }
    node->journal_failed = false;
    node->journal_rewrite = false;
    node->journal_base = port_journal_size(node->journal);
    settled(node);
}

void node_journal_flush(struct node *node) {
    uint64_t now_ms = port_clock_ms();
    bool due = node->journal_due_ms <= now_ms;
    if (node->journal_failed) {
        if (due) {
            rewrite(node);
        }
        return;
    }
    uint64_t size = port_journal_size(node->journal);
    if (node->journal_rewrite || (size > node->config->journal_bytes && size > JOURNAL_GROWTH_MAX * node->journal_base)) {
        rewrite(node);
        return;
    }
    if (node->journal_pending == 0 || !(due || runtime_flush_wanted(&node->runtime))) {
        return;
    }
    if (port_journal_flush(node->journal) != ERROR_NONE) {
        fail(node, "it cannot be written");
        return;
    }
    settled(node);
}

bool node_journal_now(struct node *node) {
    if (node->journal_failed) {
        return false;
    }
    if (node->journal_pending > 0) {
        if (port_journal_flush(node->journal) != ERROR_NONE) {
            fail(node, "it cannot be written");
            return false;
        }
        node->journal_due_ms = 0; // the turn's end tells the runtime, which must not be called from within itself
    }
    return true;
}

struct replay {
    struct node *node;
    uint64_t refused;
};

static void replay_batch(void *context, struct bytes batch) {
    struct replay *replay = context;
    if (replay->refused > 0 || runtime_replay(&replay->node->runtime, batch) != ERROR_NONE) {
        replay->refused++;
    }
}

// What was found, in words: a node says what it lost.
static void tell_report(struct node *node, bool planned) {
    const struct port_journal_report *report = &node->journal_report;
    if (report->batches > 0) {
        node_log(node, "journal", "%llu batches read back", (unsigned long long)report->batches);
    } else if (planned) {
        // Each plan is followed by a picture, which tells the time if nothing else.
        node_log(node, "journal", "nothing was found in %s though the node has a plan: what its durable tasks held is lost",
                 node->config->data);
    }
    if (report->torn_bytes > 0) {
        node_log(node, "journal", "its end of %llu bytes was cut off: what a crash leaves; nothing acknowledged is in it",
                 (unsigned long long)report->torn_bytes);
    }
    if (report->lost_batches > 0) {
        node_log(node, "journal",
                 "damaged: %llu of its batches cannot be used; what was acknowledged in them is lost, all before stands. A "
                 "damaged file is kept as %s/journal.damaged",
                 (unsigned long long)report->lost_batches, node->config->data);
        node->journal_rewrite = true;
    }
}

enum error node_journal_open(struct node *node, bool planned, char refusal[PORT_REFUSAL_SIZE]) {
    struct replay replay = {node, 0};
    node->journal_due_ms = UINT64_MAX;
    enum error error =
        port_journal_open(node->config->data, replay_batch, &replay, &node->journal, &node->journal_report, refusal);
    if (error != ERROR_NONE) {
        return error;
    }
    node->journal_report.lost_batches += replay.refused;
    tell_report(node, planned);
    node->journal_base = port_journal_size(node->journal);
    return ERROR_NONE;
}

void node_journal_close(struct node *node) {
    if (node->journal == NULL) {
        return;
    }
    if (!node->journal_failed && node->journal_pending > 0 && port_journal_flush(node->journal) != ERROR_NONE) {
        fail(node, "the last batches could not be written");
    }
    port_journal_close(node->journal);
    node->journal = NULL;
}
