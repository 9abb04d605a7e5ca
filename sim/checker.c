// The records that the checkers share, and what the taps tell them.
#include "sim/checker.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/assert.h"
#include "sim/grow.h"
#include "sim/sim.h"

static const char *const sabotage_texts[SABOTAGE_COUNT_MAX] = {"none",  "twice", "lose",   "swap",  "stranger", "flush",
                                                               "clock", "stale", "writer", "count", "cache",    "memory"};

const char *sabotage_text(enum sabotage sabotage) {
    return (unsigned)sabotage < SABOTAGE_COUNT_MAX ? sabotage_texts[sabotage] : "unknown";
}

void checkers_open(struct checkers *checkers, struct sim *sim) {
    *checkers = (struct checkers){.sim = sim, .effects = calloc(HOSTS_MAX, sizeof *checkers->effects)};
    ASSERT(checkers->effects != NULL);
}

void checkers_close(struct checkers *checkers) {
    for (uint32_t i = 0; i < checkers->count; i++) {
        free(checkers->channels[i].ring);
    }
    for (uint32_t i = 0; checkers->effects != NULL && i < HOSTS_MAX; i++) {
        free(checkers->effects[i].items);
    }
    free(checkers->channels);
    free(checkers->effects);
}

struct channel *checker_channel(struct checkers *checkers, uint32_t link) {
    if (link >= checkers->count) {
        uint32_t count = link + 64;
        checkers->channels = grow(checkers->channels, count, sizeof *checkers->channels);
        memset(checkers->channels + checkers->count, 0, (count - checkers->count) * sizeof *checkers->channels);
        checkers->count = count;
    }
    return &checkers->channels[link];
}

// --- who is at the ends --------------------------------------------------------------------------------------------------

static void end_text(const struct host *host, const struct plan *plan, const struct plan_end *end, bool output, char *out,
                     size_t size) {
    const struct runtime *runtime = node_runtime(host->node);
    if (end->kind == END_RESOURCE) {
        snprintf(out, size, "%s", plan->resources[end->index].name);
    } else if (end->kind == END_TASK) {
        const struct manifest_view *manifest = runtime_manifest(runtime, &runtime_tables(runtime)->tasks[end->index]);
        if (manifest != NULL) {
            struct port port;
            manifest_port(manifest, output, end->port, &port);
            snprintf(out, size, "%s.%s", plan->tasks[end->index].name, port.name);
        }
    }
}

// Asks the plans of all nodes who is at the ends of a link, and the policy whether it connects them.
static void learn(struct checkers *checkers, struct channel *channel, uint32_t id) {
    struct sim *sim = checkers->sim;
    for (uint32_t i = 0; i < sim->host_count && !channel->known; i++) {
        const struct host *host = sim->hosts[i];
        const struct runtime_tables *tables = host->node == NULL ? NULL : runtime_tables(node_runtime(host->node));
        const struct link *link = tables == NULL ? NULL : runtime_link_find(tables, id);
        if (link == NULL) {
            continue;
        }
        channel->delivery = link->plan->delivery;
        channel->expiry_ms = link->plan->expiry_ms;
        channel->stale_after_ms = link->plan->stale_after_ms > 0 ? link->plan->stale_after_ms : channel->stale_after_ms;
        end_text(host, &tables->plan, &link->plan->source, true, channel->source, sizeof channel->source);
        end_text(host, &tables->plan, &link->plan->destination, false, channel->destination, sizeof channel->destination);
        channel->known = channel->source[0] != '\0' && channel->destination[0] != '\0';
    }
    if (!channel->known) {
        return;
    }
    const struct policy *policy = sim->building.policy;
    for (uint32_t i = 0; i < policy->link_count; i++) {
        if (strcmp(policy->links[i].source.text, channel->source) == 0 &&
            strcmp(policy->links[i].destination.text, channel->destination) == 0) {
            return;
        }
    }
    sim_breach(sim, "delivery", "no channel of the policy connects %s to %s, but link %u does", channel->source,
               channel->destination, id);
}

static struct channel *channel_of(struct checkers *checkers, uint32_t id, enum delivery_class delivery) {
    struct channel *channel = checker_channel(checkers, id);
    if (!channel->seen) {
        channel->seen = true;
        channel->delivery = delivery;
        channel->ring = calloc(SENT_KEPT, sizeof *channel->ring);
        ASSERT(channel->ring != NULL);
    }
    if (!channel->known) {
        learn(checkers, channel, id);
    }
    return channel;
}

// --- effects that a crash may undo ---------------------------------------------------------------------------------------

static void note_effect(struct checkers *checkers, const struct host *host, uint32_t link, bool received, uint64_t read,
                        uint32_t epoch) {
    struct effects *effects = &checkers->effects[host->index];
    uint64_t appended = host->storage.journal_count > 0 ? host->storage.journals[0].appended : 0;
    if (effects->count == effects->room) {
        effects->room = effects->room * 2 + 64;
        effects->items = grow(effects->items, effects->room, sizeof *effects->items);
    }
    effects->items[effects->count++] = (struct effect){link, received, read, epoch, appended + 1};
    effects->open++;
}

static void undo(struct checkers *checkers, const struct effect *effect) {
    struct channel *channel = checker_channel(checkers, effect->channel);
    if (effect->received) {
        for (uint64_t at = effect->read; at < channel->read && at < channel->written; at++) { // its source may have moved
            struct sent *sent = &channel->ring[at % SENT_KEPT];
            sent->optional = sent->optional || sent->epoch < channel->source_epoch;
        }
        channel->read = effect->read;
        channel->last_epoch = effect->epoch;
        return;
    }
    if (channel->delivery == DELIVERY_EVENT && channel->read >= channel->written) {
        sim_breach(checkers->sim, "delivery", "%s -> %s: a message took effect whose sender had not made it durable",
                   channel->source, channel->destination);
    }
    channel->written--;
}

// Gives the messages of the unit of work the numbers that their links gave them: the last ones.
static void number_messages(struct checkers *checkers, const struct host *host, const struct effects *effects) {
    const struct runtime_tables *tables = runtime_tables(node_runtime(host->node));
    for (uint32_t i = effects->count - effects->open; i < effects->count; i++) {
        const struct effect *effect = &effects->items[i];
        const struct link *link = effect->received ? NULL : runtime_link_find(tables, effect->channel);
        struct channel *channel = checker_channel(checkers, effect->channel);
        if (link != NULL) {
            uint64_t later = channel->written - 1 - effect->read; // sent after this one
            channel->ring[effect->read % SENT_KEPT].sequence = link->sequence - later;
        }
    }
}

void checker_settle(struct checkers *checkers, const struct host *host) {
    struct effects *effects = &checkers->effects[host->index];
    if (effects->open == 0) {
        return;
    }
    const struct runtime_tables *tables = runtime_tables(node_runtime(host->node));
    bool same_plan = tables->plan.revision == effects->revision && effects->task < tables->plan.task_count;
    bool failed = same_plan && tables->tasks[effects->task].messages == effects->handled;
    if (failed) {
        for (uint32_t i = 0; i < effects->open; i++) {
            undo(checkers, &effects->items[effects->count - 1 - i]);
        }
    } else {
        number_messages(checkers, host, effects);
    }
    if (failed || !effects->durable) {
        effects->count -= effects->open;
    }
    effects->open = 0;
}

static void open_work(struct checkers *checkers, const struct host *host, const struct task *task, bool parameter) {
    struct effects *effects = &checkers->effects[host->index];
    const struct runtime_tables *tables = runtime_tables(node_runtime(host->node));
    effects->task = parameter ? NO_INDEX : (uint32_t)(task - tables->tasks);
    effects->handled = task->messages;
    effects->revision = tables->plan.revision;
    effects->durable = task->plan->durability != DURABILITY_NONE && host->storage.journal_count > 0;
}

void checker_durable(struct checkers *checkers, const struct host *host, uint64_t batch) {
    struct effects *effects = &checkers->effects[host->index];
    uint32_t done = 0;
    checker_settle(checkers, host);
    while (done < effects->count && effects->items[done].batch <= batch) {
        done++;
    }
    if (done > 0) {
        memmove(effects->items, effects->items + done, (effects->count - done) * sizeof *effects->items);
        effects->count -= done;
    }
}

static void undo_effects(struct checkers *checkers, const struct host *host, uint64_t survived) {
    struct effects *effects = &checkers->effects[host->index];
    while (effects->count > 0 && effects->items[effects->count - 1].batch > survived) {
        undo(checkers, &effects->items[--effects->count]);
    }
    effects->count = 0;
}

static void loosen(struct channel *channel, bool receiver) {
    for (uint64_t at = channel->read; at < channel->written; at++) {
        channel->ring[at % SENT_KEPT].optional = true;
    }
    if (receiver) {
        channel->replay_until = channel->read;
    }
}

// What durability `none` forgets: what was under way from and to its tasks.
static void loosen_links(struct checkers *checkers, const struct host *host, bool all) {
    const struct runtime_tables *tables = runtime_tables(node_runtime(host->node));
    for (uint32_t i = 0; i < tables->plan.link_count; i++) {
        const struct plan_link *link = &tables->plan.links[i];
        struct channel *channel = checker_channel(checkers, link->id);
        bool source =
            link->source.kind == END_TASK && (all || tables->plan.tasks[link->source.index].durability == DURABILITY_NONE);
        bool destination = link->destination.kind == END_TASK &&
                           (all || tables->plan.tasks[link->destination.index].durability == DURABILITY_NONE);
        if (channel->seen && (source || destination)) {
            loosen(channel, destination);
        }
        if (link->destination.kind == END_RESOURCE) {
            channel->obeyed_epoch = 0;
        }
    }
}

void checker_crashed(struct checkers *checkers, const struct host *host, uint64_t survived) {
    checker_settle(checkers, host);
    undo_effects(checkers, host, survived);
    loosen_links(checkers, host, false);
}

// A device that is replaced takes all with it.
void checker_replaced(struct checkers *checkers, const struct host *host) {
    for (uint32_t i = 0; i < checkers->count && host->config.node[0] != '\0'; i++) {
        struct channel *channel = &checkers->channels[i];
        bool here = channel->seen && (channel->source_host == host->index || channel->destination_host == host->index);
        if (here) {
            loosen(channel, channel->destination_host == host->index);
        }
    }
}

// --- what the taps tell --------------------------------------------------------------------------------------------------

uint32_t checker_sabotaged_times(struct checkers *checkers, const struct message *message) {
    enum sabotage sabotage = checkers->sim->options.sabotage;
    bool cheats = message->delivery == DELIVERY_EVENT && (sabotage == SABOTAGE_TWICE || sabotage == SABOTAGE_LOSE) &&
                  ++checkers->cheats % 50 == 0;
    return cheats ? (sabotage == SABOTAGE_TWICE ? 2 : 0) : 1;
}

// A measurement never comes after a newer one. A node that starts again forgets what it had.
static void check_newer(struct checkers *checkers, const struct host *host, struct channel *channel,
                        const struct message *message) {
    bool older = message->epoch < channel->last_epoch ||
                 (message->epoch == channel->last_epoch && message->sequence <= channel->last_sequence);
    if (older && channel->last_host == host->index && channel->last_life == host->life) {
        sim_breach(checkers->sim, "delivery", "%s -> %s: measurement %u/%llu was taken after %u/%llu", channel->source,
                   channel->destination, message->epoch, (unsigned long long)message->sequence, channel->last_epoch,
                   (unsigned long long)channel->last_sequence);
    }
    channel->last_epoch = message->epoch;
    channel->last_sequence = message->sequence;
    channel->last_host = host->index;
    channel->last_life = host->life;
}

void checker_received(struct checkers *checkers, const struct host *host, const struct task *task, uint32_t input,
                      const struct message *message) {
    struct sim *sim = checkers->sim;
    const struct link *link = runtime_link_find(runtime_tables(node_runtime(host->node)), message->link);
    open_work(checkers, host, task, false);
    sim->totals.received++;
    checkers->received[message->delivery]++;
    TRACE(sim, TRACE_RECEIVE, host, trace_hash_bytes(message_bytes(message)),
          "task %s gets message %llu of link %u on input %u", task->plan->name,
          (unsigned long long)(message->sequence & 0xffffffffff), message->link, input);
    if (sim->options.sabotage == SABOTAGE_STRANGER && sim->totals.received % 50 == 49) {
        input++;
    }
    if (link == NULL && message->sequence == 0) {
        checkers->told++;
        return; // the outcome of a command, told by the node to its task
    }
    bool connected = link != NULL && link->plan->destination.kind == END_TASK && link->plan->destination.port == input &&
                     &runtime_tables(node_runtime(host->node))->tasks[link->plan->destination.index] == task;
    if (!connected) {
        sim_breach(sim, "delivery", "no channel connects link %u to input %u of task %s", message->link, input,
                   task->plan->name);
        return;
    }
    struct channel *channel = channel_of(checkers, message->link, (enum delivery_class)message->delivery);
    channel->destination_host = host->index;
    if (message->delivery == DELIVERY_MEASUREMENT && message->sequence > 0) {
        check_newer(checkers, host, channel, message);
    }
    bool from_sensor = link->plan->source.kind == END_RESOURCE || (channel->known && strchr(channel->source, '.') == NULL);
    if (message->delivery == DELIVERY_MEASUREMENT || message->sequence == 0) {
        return;
    }
    if (task->plan->epoch != channel->destination_epoch) {
        if (task->plan->epoch < channel->destination_epoch) {
            return; // an instance that was taken over and does not know it
        }
        loosen(channel, true);
        channel->destination_epoch = task->plan->epoch;
        channel->last_life = 0; // a sensor's next event begins its count
    }
    uint64_t read = channel->read;
    uint32_t epoch = channel->last_epoch;
    if (from_sensor) {
        delivery_from_sensor(checkers, host, task, channel, message);
    } else {
        delivery_received(checkers, host, task, channel, message);
    }
    note_effect(checkers, host, message->link, true, read, epoch);
}

static void emit(struct checkers *checkers, const struct host *host, const struct task *task, const struct plan_link *plan,
                 uint64_t hash) {
    struct channel *channel = channel_of(checkers, plan->id, plan->delivery);
    channel->source_host = host->index;
    if (task->plan->epoch > channel->source_epoch) {
        loosen(channel, false);
        channel->source_epoch = task->plan->epoch;
    }
    if (plan->delivery == DELIVERY_EVENT && channel->written - channel->read >= SENT_KEPT) {
        if (!channel->ring[channel->read % SENT_KEPT].optional) {
            sim_breach(checkers->sim, "delivery", "%s -> %s: %u messages under way, more than all queues hold", channel->source,
                       channel->destination, SENT_KEPT);
        }
        channel->read++;
    }
    bool optional = plan->delivery != DELIVERY_EVENT || task->plan->epoch < channel->source_epoch;
    channel->ring[channel->written++ % SENT_KEPT] =
        (struct sent){.hash = hash, .sent_us = checkers->sim->now_us, .epoch = task->plan->epoch, .optional = optional};
    channel->last_sent_us = checkers->sim->now_us;
    checkers->emitted[plan->delivery]++;
    checkers->asked += plan->confirm > 0 ? 1 : 0;
    if (plan->delivery != DELIVERY_MEASUREMENT) {
        note_effect(checkers, host, plan->id, false, channel->written - 1, 0);
    }
}

void checker_emitted(struct checkers *checkers, const struct host *host, const struct task *task, const struct outbox *outbox,
                     bool parameter) {
    const struct runtime_tables *tables = runtime_tables(node_runtime(host->node));
    if (parameter) {
        open_work(checkers, host, task, true);
    }
    struct sim *sim = checkers->sim;
    for (uint32_t i = 0; i < outbox->entry_count; i++) {
        uint32_t output = outbox->entries[i].output;
        uint64_t hash = trace_hash_bytes(outbox_message(outbox, i));
        sim->totals.emitted++;
        TRACE(sim, TRACE_EMIT, host, hash, "task %s sends on output %u", task->plan->name, output);
        uint32_t link = output < task->output_span ? tables->output_links[task->first_output + output] : NO_INDEX;
        while (link != NO_INDEX) {
            emit(checkers, host, task, tables->links[link].plan, hash);
            link = tables->links[link].next;
        }
    }
}

// --- now and then --------------------------------------------------------------------------------------------------------

void checkers_look(struct checkers *checkers) {
    for (uint32_t i = 0; i < checkers->sim->host_count; i++) {
        const struct host *host = checkers->sim->hosts[i];
        // A frozen or slow host cannot keep its clockwork; what it does once it runs is checked where it does it.
        if (host->node != NULL && host->state == HOST_UP && host->slow_us == 0) {
            limits_look(checkers, host);
            freshness_look(checkers, host);
            command_look(checkers, host);
        }
    }
}

void checker_closed(struct checkers *checkers, const struct host *host) {
    if (host->kind == HOST_NODE && (host->tap.instances != 0 || host->tap.modules != 0)) {
        sim_breach(checkers->sim, "limits", "%s ended and left %llu instances and %llu modules behind", host->name,
                   (unsigned long long)host->tap.instances, (unsigned long long)host->tap.modules);
    }
}

void checkers_finish(struct checkers *checkers) {
    delivery_finish(checkers);
    counters_finish(checkers);
}
