// No input takes an old measurement for a fresh one: a link that says it is fresh must have had a value, on true time, within
// stale_after.
//
// What a node claims is turned into true time and compared with when the source last sent. The bound covers what nobody can
// know: delay on the network, drift, a turn, the plant's step when the building's time is the plant's.
#include "sim/sim.h"

static uint64_t slack_us(const struct host *host, uint32_t stale_after_ms) {
    const struct sim *sim = host->sim;
    uint64_t drift_us = (uint64_t)stale_after_ms * 1000 / 1000000 * 2 * (uint64_t)sim->faults.drift_ppm_max;
    uint64_t step_us = host->config.plant_clock ? 2 * sim->plant.step_ms * 1000 : 0;
    return host->longest_delay_us + 2 * SECOND_US + drift_us + step_us;
}

static uint64_t last_sent_us(const struct checkers *checkers, const struct channel *channel) {
    if (channel->known && strchr(channel->source, '.') == NULL) {
        const struct host *source = checkers->sim->hosts[channel->source_host];
        return strcmp(channel->source, "clock") == 0 ? checkers->sim->now_us : source->published_us;
    }
    return channel->last_sent_us;
}

void freshness_look(struct checkers *checkers, const struct host *host) {
    const struct runtime *runtime = node_runtime(host->node);
    const struct runtime_tables *tables = runtime_tables(runtime);
    uint64_t now_us = checkers->sim->now_us;
    for (uint32_t i = 0; i < tables->plan.link_count; i++) {
        const struct link *link = &tables->links[i];
        if (link->plan->stale_after_ms == 0 || link->plan->destination.kind != END_TASK || link->stale) {
            continue;
        }
        struct channel *channel = checker_channel(checkers, link->plan->id);
        uint64_t stale_us = (uint64_t)link->plan->stale_after_ms * 1000;
        // A link that is new to the node has one period of grace.
        uint64_t since_us = host->planned_us;
        if (channel->seen && channel->known && strchr(channel->source, '.') != NULL) {
            uint64_t sent_us = last_sent_us(checkers, channel);
            since_us = sent_us > since_us ? sent_us : since_us;
        } else {
            since_us = now_us; // a resource's: what it published is not recorded
        }
        if (now_us > since_us + stale_us + slack_us(host, link->plan->stale_after_ms)) {
            sim_breach(checkers->sim, "freshness",
                       "%s on %s takes a value for fresh that was sent %.1f s ago, stale after %.1f s", channel->destination,
                       host->name, (double)(now_us - since_us) / 1e6, (double)stale_us / 1e6);
        }
    }
}
