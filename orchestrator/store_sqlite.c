// The store in one SQLite file. Write-ahead log with synchronous=FULL: a commit that returned survives a power cut.
//
// One connection, one thread. The file is locked for this process, so that a second orchestrator on the same folder is refused
// at its start.
#include "orchestrator/store.h"

#include "port/port.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

enum statement {
    STATEMENT_GET,
    STATEMENT_PUT,
    STATEMENT_DELETE,
    STATEMENT_EACH,
    STATEMENT_REVISION,
    STATEMENT_COUNT,
};

static const char *const statement_texts[STATEMENT_COUNT] = {
    [STATEMENT_GET] = "SELECT value, revision FROM entries WHERE key = ?1",
    [STATEMENT_PUT] = "INSERT INTO entries (key, value, revision) VALUES (?1, ?2, ?3) "
                      "ON CONFLICT (key) DO UPDATE SET value = excluded.value, revision = excluded.revision",
    [STATEMENT_DELETE] = "DELETE FROM entries WHERE key = ?1",
    [STATEMENT_EACH] = "SELECT key, value, revision FROM entries WHERE key >= ?1 ORDER BY key",
    [STATEMENT_REVISION] = "INSERT INTO counters (name, value) VALUES ('revision', ?1) "
                           "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
};

static const char *const schema =
    "CREATE TABLE IF NOT EXISTS entries (key TEXT PRIMARY KEY NOT NULL, value BLOB NOT NULL, revision INTEGER NOT NULL) "
    "WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY NOT NULL, value INTEGER NOT NULL) WITHOUT ROWID;"
    "PRAGMA user_version = 1;";

struct store {
    sqlite3 *database;
    sqlite3_stmt *statements[STATEMENT_COUNT];
    uint64_t revision;
    uint64_t revision_before; // at begin
    bool batch;
    char folder[512];
    char refusal[256];
};

static void describe(int code, const char *detail, const char *folder, char refusal[256]) {
    int primary = code & 0xff;
    const char *what = "cannot be used";
    const char *remedy = "check the disk; the store is not damaged by this refusal";
    if (primary == SQLITE_FULL) {
        what = "cannot be written: the disk is full";
        remedy = "free some space; nothing that was stored is lost";
    } else if (primary == SQLITE_READONLY || primary == SQLITE_PERM || primary == SQLITE_CANTOPEN) {
        what = "cannot be written";
        remedy = "check that the folder exists and that you may write to it, or give another with --data";
    } else if (primary == SQLITE_BUSY || primary == SQLITE_LOCKED) {
        what = "is in use";
        remedy = "stop the other orchestrator, or give another folder with --data";
    } else if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB) {
        what = "is damaged";
        remedy = "move the file away; the nodes go on, and the policy can be applied again";
    } else if (primary == SQLITE_IOERR) {
        what = "cannot be written: the disk failed";
        remedy = "check space and disk; nothing that was stored is lost";
    }
    snprintf(refusal, 256, "the store in '%.60s' %s (%.30s); %s", folder, what, detail, remedy);
}

static enum error fail(struct store *store, int code) {
    describe(code, sqlite3_errmsg(store->database), store->folder, store->refusal);
    return ERROR_STORAGE;
}

static int read_revision(struct store *store) {
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(store->database, "SELECT value FROM counters WHERE name = 'revision'", -1, &statement, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_step(statement);
        if (code == SQLITE_ROW) {
            store->revision = (uint64_t)sqlite3_column_int64(statement, 0);
        }
        code = code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
    }
    sqlite3_finalize(statement);
    return code;
}

static int prepare_all(struct store *store) {
    int code = sqlite3_exec(store->database,
                            "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; BEGIN EXCLUSIVE;",
                            NULL, NULL, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_exec(store->database, schema, NULL, NULL, NULL);
    }
    if (code == SQLITE_OK) {
        code = sqlite3_exec(store->database, "COMMIT", NULL, NULL, NULL);
    }
    for (int i = 0; i < STATEMENT_COUNT && code == SQLITE_OK; i++) {
        code =
            sqlite3_prepare_v3(store->database, statement_texts[i], -1, SQLITE_PREPARE_PERSISTENT, &store->statements[i], NULL);
    }
    return code == SQLITE_OK ? read_revision(store) : code;
}

enum error store_open(const char *folder, struct store **out, char refusal[256]) {
    char path[640];
    struct store *store = calloc(1, sizeof *store);
    if (store == NULL) {
        snprintf(refusal, 256, "no memory to open the store; free some memory and try again");
        return ERROR_MEMORY;
    }
    snprintf(store->folder, sizeof store->folder, "%s", folder);
    snprintf(path, sizeof path, "%s/orchestrator.sqlite", folder);
    if (strlen(folder) >= sizeof store->folder || port_directory_make(folder) != ERROR_NONE) {
        describe(SQLITE_CANTOPEN, "the folder cannot be made", folder, refusal);
        free(store);
        return ERROR_STORAGE;
    }
    int code = sqlite3_open_v2(path, &store->database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
    if (code == SQLITE_OK) {
        code = prepare_all(store);
    }
    if (code != SQLITE_OK) {
        describe(code, store->database != NULL ? sqlite3_errmsg(store->database) : sqlite3_errstr(code), folder, refusal);
        store_close(store);
        return ERROR_STORAGE;
    }
    *out = store;
    return ERROR_NONE;
}

void store_close(struct store *store) {
    if (store != NULL) {
        for (int i = 0; i < STATEMENT_COUNT; i++) {
            sqlite3_finalize(store->statements[i]);
        }
        sqlite3_close(store->database);
        free(store);
    }
}

const char *store_refusal(const struct store *store) {
    return store->refusal;
}

void store_limit_pages(struct store *store, uint32_t pages) {
    char text[64];
    snprintf(text, sizeof text, "PRAGMA max_page_count = %u", pages);
    (void)sqlite3_exec(store->database, text, NULL, NULL, NULL);
}

static enum error copy_value(sqlite3_stmt *statement, int column, struct bytes *out) {
    size_t size = (size_t)sqlite3_column_bytes(statement, column);
    uint8_t *copy = malloc(size + 1);
    if (copy == NULL) {
        return ERROR_MEMORY;
    }
    if (size > 0) {
        memcpy(copy, sqlite3_column_blob(statement, column), size);
    }
    copy[size] = '\0';
    *out = (struct bytes){copy, size};
    return ERROR_NONE;
}

enum error store_get(struct store *store, const char *key, struct bytes *out, uint64_t *revision) {
    sqlite3_stmt *statement = store->statements[STATEMENT_GET];
    sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
    int code = sqlite3_step(statement);
    enum error error = ERROR_NONE;
    if (code == SQLITE_ROW) {
        error = copy_value(statement, 0, out);
        if (revision != NULL) {
            *revision = (uint64_t)sqlite3_column_int64(statement, 1);
        }
    } else {
        error = code == SQLITE_DONE ? ERROR_NOT_FOUND : fail(store, code);
    }
    sqlite3_reset(statement);
    return error;
}

// Compares the key's revision (0 when it is absent) with what the caller expects.
static enum error check_revision(struct store *store, const char *key, uint64_t expected) {
    if (expected == STORE_ANY) {
        return ERROR_NONE;
    }
    sqlite3_stmt *statement = store->statements[STATEMENT_GET];
    sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
    int code = sqlite3_step(statement);
    uint64_t found = code == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(statement, 1) : 0;
    enum error error = code == SQLITE_ROW || code == SQLITE_DONE ? ERROR_NONE : fail(store, code);
    sqlite3_reset(statement);
    if (error == ERROR_NONE && found != expected) {
        snprintf(store->refusal, sizeof store->refusal, "'%.100s' was changed by another; read it again", key);
        error = ERROR_MISMATCH;
    }
    return error;
}

static enum error run(struct store *store, sqlite3_stmt *statement) {
    int code = sqlite3_step(statement);
    enum error error = code == SQLITE_DONE ? ERROR_NONE : fail(store, code);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return error;
}

static enum error write_entry(struct store *store, const char *key, struct bytes value) {
    sqlite3_stmt *statement = store->statements[STATEMENT_PUT];
    sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
    sqlite3_bind_blob64(statement, 2, value.size > 0 ? (const void *)value.data : "", value.size, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 3, (sqlite3_int64)(store->revision + 1));
    enum error error = run(store, statement);
    if (error == ERROR_NONE) {
        statement = store->statements[STATEMENT_REVISION];
        sqlite3_bind_int64(statement, 1, (sqlite3_int64)(store->revision + 1));
        error = run(store, statement);
    }
    if (error == ERROR_NONE) {
        store->revision++;
    }
    return error;
}

enum error store_put(struct store *store, const char *key, struct bytes value, uint64_t expected, uint64_t *revision) {
    bool alone = !store->batch;
    enum error error = alone ? store_begin(store) : ERROR_NONE;
    if (error == ERROR_NONE) {
        error = check_revision(store, key, expected);
        error = error == ERROR_NONE ? write_entry(store, key, value) : error;
        if (alone && error == ERROR_NONE) {
            error = store_commit(store);
        } else if (alone) {
            store_rollback(store);
        }
    }
    if (error == ERROR_NONE && revision != NULL) {
        *revision = store->revision;
    }
    return error;
}

enum error store_delete(struct store *store, const char *key, uint64_t expected) {
    enum error error = check_revision(store, key, expected);
    if (error == ERROR_NONE) {
        sqlite3_bind_text(store->statements[STATEMENT_DELETE], 1, key, -1, SQLITE_STATIC);
        error = run(store, store->statements[STATEMENT_DELETE]);
    }
    return error;
}

enum error store_each(struct store *store, const char *prefix, store_visit visit, void *context) {
    sqlite3_stmt *statement = store->statements[STATEMENT_EACH];
    sqlite3_bind_text(statement, 1, prefix, -1, SQLITE_STATIC);
    int code = sqlite3_step(statement);
    while (code == SQLITE_ROW) {
        const char *key = (const char *)sqlite3_column_text(statement, 0);
        if (key == NULL || strncmp(key, prefix, strlen(prefix)) != 0) {
            code = SQLITE_DONE;
            break;
        }
        struct bytes value = {sqlite3_column_blob(statement, 1), (size_t)sqlite3_column_bytes(statement, 1)};
        if (!visit(context, key, value, (uint64_t)sqlite3_column_int64(statement, 2))) {
            code = SQLITE_DONE;
            break;
        }
        code = sqlite3_step(statement);
    }
    enum error error = code == SQLITE_DONE ? ERROR_NONE : fail(store, code);
    sqlite3_reset(statement);
    return error;
}

enum error store_begin(struct store *store) {
    int code = sqlite3_exec(store->database, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (code != SQLITE_OK) {
        return fail(store, code);
    }
    store->batch = true;
    store->revision_before = store->revision;
    return ERROR_NONE;
}

enum error store_commit(struct store *store) {
    int code = sqlite3_exec(store->database, "COMMIT", NULL, NULL, NULL);
    if (code != SQLITE_OK) {
        enum error error = fail(store, code);
        store_rollback(store);
        return error;
    }
    store->batch = false;
    return ERROR_NONE;
}

void store_rollback(struct store *store) {
    // SQLite has rolled back by itself after some failures (a full disk); then there is nothing left to roll back.
    if (sqlite3_get_autocommit(store->database) == 0) {
        (void)sqlite3_exec(store->database, "ROLLBACK", NULL, NULL, NULL);
    }
    store->batch = false;
    store->revision = store->revision_before;
}
