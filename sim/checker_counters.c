// Counters add up: what nodes say they sent and received is what was seen, and nothing is unaccounted.
//
// In a run in which no host died the sums over all nodes must be equal; where hosts died, what was in their queues died with
// them, and the sums are bounds.
#include "sim/sim.h"

static void add(struct link_counters *to, const struct link_counters *from) {
    const uint64_t *numbers = (const uint64_t *)from;
    uint64_t *sums = (uint64_t *)to;
    for (size_t i = 0; i < sizeof *to / sizeof *sums; i++) {
        sums[i] += numbers[i];
    }
}

// Messages of a class that wait for their task, and that wait for their peer.
static void count_waiting(const struct runtime *runtime, enum delivery_class delivery, uint64_t *queued, uint64_t *pending) {
    const struct runtime_tables *tables = runtime_tables(runtime);
    for (uint32_t i = 0; i < tables->plan.task_count; i++) {
        for (const struct message *message = tables->tasks[i].queue.head; message != NULL; message = message->next) {
            *queued += message->delivery == (uint8_t)delivery ? 1u : 0u;
        }
    }
    for (uint32_t i = 0; i < tables->plan.link_count; i++) {
        *pending += tables->links[i].plan->delivery == delivery ? tables->links[i].pending.count : 0u;
    }
}

// Messages whose outcome is still to come: under way, or told and waiting for the source.
static uint64_t count_untold(const struct runtime *runtime) {
    const struct runtime_tables *tables = runtime_tables(runtime);
    uint64_t untold = 0;
    for (uint32_t i = 0; i < tables->plan.link_count; i++) {
        untold += tables->links[i].plan->confirm > 0 ? tables->links[i].pending.count : 0u;
    }
    for (uint32_t i = 0; i < tables->plan.task_count; i++) {
        for (const struct message *message = tables->tasks[i].queue.head; message != NULL; message = message->next) {
            untold += message->sequence == 0 && message->delivery == DELIVERY_EVENT ? 1u : 0u;
        }
    }
    return untold;
}

// Each message that asked for it ends in exactly one outcome.
static void check_outcomes(struct checkers *checkers) {
    struct sim *sim = checkers->sim;
    uint64_t untold = 0;
    for (uint32_t i = 0; i < sim->host_count; i++) {
        untold += sim->hosts[i]->node != NULL ? count_untold(node_runtime(sim->hosts[i]->node)) : 0u;
    }
    if (sim->totals.crashes == 0 && checkers->asked != checkers->told + untold) {
        sim_breach(sim, "counters", "%llu messages asked for their outcome, %llu were told and %llu are under way",
                   (unsigned long long)checkers->asked, (unsigned long long)checkers->told, (unsigned long long)untold);
    }
}

void counters_finish(struct checkers *checkers) {
    struct sim *sim = checkers->sim;
    struct link_counters sum = {0};
    uint64_t queued = 0;
    uint64_t pending = 0;
    bool from_resources = false;
    for (uint32_t i = 0; i < sim->host_count; i++) {
        const struct host *host = sim->hosts[i];
        add(&sum, &host->past[DELIVERY_EVENT]);
        if (host->node != NULL) {
            add(&sum, &node_runtime(host->node)->traffic[DELIVERY_EVENT].counters);
            count_waiting(node_runtime(host->node), DELIVERY_EVENT, &queued, &pending);
        }
    }
    for (uint32_t i = 0; i < sim->building.policy->link_count; i++) {
        const struct policy_link *link = &sim->building.policy->links[i];
        from_resources = from_resources || (link->delivery == DELIVERY_EVENT && strchr(link->source.text, '.') == NULL);
    }
    if (sim->options.sabotage == SABOTAGE_COUNT) {
        sum.sent--;
    }
    bool exact = sim->totals.crashes == 0 && !from_resources;
    if (exact && sum.sent != checkers->emitted[DELIVERY_EVENT]) {
        sim_breach(sim, "counters", "nodes count %llu events sent, %llu were seen", (unsigned long long)sum.sent,
                   (unsigned long long)checkers->emitted[DELIVERY_EVENT]);
    }
    if (exact && sum.received != checkers->received[DELIVERY_EVENT] + queued) {
        sim_breach(sim, "counters", "nodes count %llu events received, %llu took effect and %llu wait",
                   (unsigned long long)sum.received, (unsigned long long)checkers->received[DELIVERY_EVENT],
                   (unsigned long long)queued);
    }
    check_outcomes(checkers);
    uint64_t unaccounted = sum.sent - sum.received;
    if (exact && (sum.received > sum.sent || unaccounted > pending + sum.dropped + sum.refused)) {
        sim_breach(sim, "counters",
                   "%llu events sent, %llu received, %llu pending, %llu dropped, %llu refused: some are unaccounted",
                   (unsigned long long)sum.sent, (unsigned long long)sum.received, (unsigned long long)pending,
                   (unsigned long long)sum.dropped, (unsigned long long)sum.refused);
    }
}
