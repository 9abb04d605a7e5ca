// Memory, queues and pools stay within what was promised, and every message of the pool is somewhere.
#include "sim/sim.h"

// A journal that grows beyond this is not compacted. The node rewrites it far below.
#define JOURNAL_BYTES_MAX (16u * 1024 * 1024)

static void look_at_tasks(struct checkers *checkers, const struct host *host, uint64_t *places) {
    const struct runtime *runtime = node_runtime(host->node);
    const struct runtime_tables *tables = runtime_tables(runtime);
    uint64_t used = 0;
    for (uint32_t i = 0; i < tables->plan.task_count; i++) {
        const struct task *task = &tables->tasks[i];
        const struct manifest_view *manifest = runtime_manifest(runtime, task);
        *places += task->queue.count;
        if (task->queue.count > TASK_QUEUE_MAX + OUTPUTS_PER_MESSAGE_MAX * LINK_PENDING_MAX) {
            sim_breach(checkers->sim, "limits", "%u messages wait at task %s", task->queue.count, task->plan->name);
        }
        if (task->instance == NULL || manifest == NULL) {
            continue;
        }
        uint32_t bytes = host->tap.engine.memory_bytes(task->instance);
        used += bytes;
        if (bytes > manifest->memory_bytes) {
            sim_breach(checkers->sim, "limits", "task %s holds %u bytes, its manifest says %u", task->plan->name, bytes,
                       manifest->memory_bytes);
        }
    }
    if (used > host->config.memory_bytes) {
        sim_breach(checkers->sim, "limits", "the components of %s hold %llu bytes of %llu", host->name,
                   (unsigned long long)used, (unsigned long long)host->config.memory_bytes);
    }
}

void limits_look(struct checkers *checkers, const struct host *host) {
    const struct runtime *runtime = node_runtime(host->node);
    const struct runtime_tables *tables = runtime_tables(runtime);
    uint64_t places = 0;
    look_at_tasks(checkers, host, &places);
    for (uint32_t i = 0; i < tables->plan.link_count; i++) {
        const struct link *link = &tables->links[i];
        places += link->pending.count + (link->held != NULL ? 1u : 0u);
        if (link->pending.count > LINK_PENDING_MAX + OUTPUTS_PER_MESSAGE_MAX) {
            sim_breach(checkers->sim, "limits", "%u messages wait at link %u of %s", link->pending.count, link->plan->id,
                       host->name);
        }
    }
    if (runtime->pool.used != places) {
        sim_breach(checkers->sim, "limits", "%s: %u messages of the pool are in use, %llu are somewhere", host->name,
                   runtime->pool.used, (unsigned long long)places);
    }
    for (uint32_t i = 0; i < host->storage.journal_count; i++) {
        if (host->storage.journals[i].kept.size > JOURNAL_BYTES_MAX) {
            sim_breach(checkers->sim, "limits", "the journal of %s has %zu bytes", host->name,
                       host->storage.journals[i].kept.size);
        }
    }
}
