#include "plant/config.h"

#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Writes the sentence and returns false, so that a check is one line.
__attribute__((format(printf, 2, 3))) static bool refuse(char *refusal, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(refusal, CONFIG_REFUSAL_SIZE, format, arguments);
    va_end(arguments);
    return false;
}

static char *copy_text(const char *text) {
    char *copy = strdup(text);
    if (copy == NULL) {
        abort();
    }
    return copy;
}

static void *zeroed(size_t count, size_t size) {
    void *memory = calloc(count == 0 ? 1 : count, size);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

static bool read_path(json_t *root, const char *key, bool needed, char **out, char *refusal) {
    json_t *value = json_object_get(root, key);
    if (value == NULL && !needed) {
        return true;
    }
    if (!json_is_string(value)) {
        return refuse(refusal, "\"%s\" must be a path in quotes", key);
    }
    *out = copy_text(json_string_value(value));
    return true;
}

static bool read_texts(json_t *list, char **const *out, size_t count) {
    if (!json_is_array(list) || json_array_size(list) != count) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!json_is_string(json_array_get(list, i))) {
            return false;
        }
    }
    for (size_t i = 0; i < count; i++) {
        *out[i] = copy_text(json_string_value(json_array_get(list, i)));
    }
    return true;
}

static bool read_actuators(json_t *list, struct point *point, char *refusal) {
    if (!json_is_array(list) || json_array_size(list) == 0) {
        return refuse(refusal, "point %s: \"actuators\" must be a list of [component, control, key]", point->name);
    }
    point->kind = POINT_ACTUATORS;
    point->actuators = zeroed(json_array_size(list), sizeof *point->actuators);
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct actuator *actuator = &point->actuators[i];
        char **const parts[3] = {&actuator->component, &actuator->control, &actuator->key};
        if (!read_texts(json_array_get(list, i), parts, 3)) {
            return refuse(refusal, "point %s: an actuator is [component, control, key], three texts", point->name);
        }
        point->actuator_count++;
    }
    return true;
}

static bool read_point(const char *name, json_t *value, struct point *point, char *refusal) {
    if (strlen(name) == 0 || strlen(name) >= NAME_SIZE_MAX) {
        return refuse(refusal, "point '%.60s': a name has 1 to %d letters", name, NAME_SIZE_MAX - 1);
    }
    memcpy(point->name, name, strlen(name) + 1);
    json_t *variable = json_object_get(value, "variable");
    json_t *meter = json_object_get(value, "meter");
    json_t *actuators = json_object_get(value, "actuators");
    if ((variable != NULL) + (meter != NULL) + (actuators != NULL) != 1) {
        return refuse(refusal, "point %s needs exactly one of \"variable\", \"meter\" and \"actuators\"", name);
    }
    if (actuators != NULL) {
        return read_actuators(actuators, point, refusal);
    }
    if (meter != NULL) {
        point->kind = POINT_METER;
        if (!json_is_string(meter)) {
            return refuse(refusal, "point %s: \"meter\" must be a name in quotes", name);
        }
        point->variable = copy_text(json_string_value(meter));
        return true;
    }
    point->kind = POINT_VARIABLE;
    char **const parts[2] = {&point->variable, &point->key};
    return read_texts(variable, parts, 2) || refuse(refusal, "point %s: a variable is [name, key], two texts", name);
}

static bool read_points(json_t *points, struct config *out, char *refusal) {
    if (!json_is_object(points) || json_object_size(points) > CONFIG_POINTS_MAX) {
        return refuse(refusal, "\"points\" must be an object of at most %d points", CONFIG_POINTS_MAX);
    }
    out->points = zeroed(json_object_size(points), sizeof *out->points);
    const char *name;
    json_t *value;
    json_object_foreach(points, name, value) {
        struct point *point = &out->points[out->point_count];
        out->point_count++;
        if (!read_point(name, value, point, refusal)) {
            return false;
        }
    }
    return true;
}

static bool read_numbers(json_t *root, struct config *out, char *refusal) {
    json_t *pace = json_object_get(root, "seconds_per_day");
    json_t *clients = json_object_get(root, "wait_for_clients");
    json_t *gate = json_object_get(root, "gate");
    out->seconds_per_day = json_number_value(pace);
    if ((pace != NULL && !json_is_number(pace)) || !isfinite(out->seconds_per_day) || out->seconds_per_day < 0) {
        return refuse(refusal, "\"seconds_per_day\" must be a number of seconds, 0 or more");
    }
    json_int_t count = json_integer_value(clients);
    if ((clients != NULL && !json_is_integer(clients)) || count < 0 || count > 64) {
        return refuse(refusal, "\"wait_for_clients\" must be a whole number from 0 to 64");
    }
    if (gate != NULL && !json_is_boolean(gate)) {
        return refuse(refusal, "\"gate\" must be true or false");
    }
    out->wait_for_clients = (uint32_t)count;
    out->gate = json_is_true(gate);
    if (out->socket == NULL && out->serial != NULL) {
        return refuse(refusal, "\"serial\" needs a \"socket\" beside it");
    }
    if (out->socket == NULL && (out->gate || count > 0)) {
        return refuse(refusal, "\"gate\" and \"wait_for_clients\" need a \"socket\", or nobody could ever start the building");
    }
    return true;
}

bool config_load(const char *path, struct config *out, char refusal[CONFIG_REFUSAL_SIZE]) {
    *out = (struct config){0};
    json_error_t error;
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        return refuse(refusal, "%.120s:%d: %.100s", path, error.line, error.text);
    }
    bool good =
        read_path(root, "model", true, &out->model, refusal) && read_path(root, "weather", true, &out->weather, refusal) &&
        read_path(root, "output", true, &out->output, refusal) && read_path(root, "socket", false, &out->socket, refusal) &&
        read_path(root, "serial", false, &out->serial, refusal) && read_path(root, "log", true, &out->log, refusal) &&
        read_numbers(root, out, refusal) && read_points(json_object_get(root, "points"), out, refusal);
    json_decref(root);
    if (!good) {
        config_free(out);
    }
    return good;
}

void config_free(struct config *config) {
    for (uint32_t i = 0; i < config->point_count; i++) {
        struct point *point = &config->points[i];
        for (uint32_t k = 0; k < point->actuator_count; k++) {
            free(point->actuators[k].component);
            free(point->actuators[k].control);
            free(point->actuators[k].key);
        }
        free(point->actuators);
        free(point->variable);
        free(point->key);
    }
    free(config->points);
    free(config->model);
    free(config->weather);
    free(config->output);
    free(config->socket);
    free(config->serial);
    free(config->log);
    *config = (struct config){0};
}

const struct point *config_point(const struct config *config, const char *name) {
    for (uint32_t i = 0; i < config->point_count; i++) {
        if (strcmp(config->points[i].name, name) == 0) {
            return &config->points[i];
        }
    }
    return NULL;
}
