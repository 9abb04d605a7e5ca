// A network controller of the kind "virtio", version 1, behind memory-mapped registers (Virtual I/O Device 1.1, §2.6 split
// virtqueues, §4.2 MMIO, §5.1 network device). Each queue is a table of buffers, a ring of those the driver offers and a ring
// of those the device has used. Every buffer has its place in the table for good: descriptor i is buffer i.
#include <FreeRTOS.h>
#include <task.h>

#include <lwip/pbuf.h>

#include "port/freertos/board.h"
#include "port/freertos/riscv_virt/interrupt.h"

#define SLOTS 8u // where QEMU may have put the device
#define SLOT(index) (0x10001000u + 0x1000u * (index))
#define SLOT_INTERRUPT(index) (1u + (index))
#define REGISTER(offset) (*(volatile uint32_t *)(base + (offset)))
#define MAGIC REGISTER(0x000)
#define VERSION REGISTER(0x004)
#define DEVICE_ID REGISTER(0x008)
#define DEVICE_FEATURES REGISTER(0x010)
#define DEVICE_FEATURES_SELECT REGISTER(0x014)
#define DRIVER_FEATURES REGISTER(0x020)
#define DRIVER_FEATURES_SELECT REGISTER(0x024)
#define QUEUE_SELECT REGISTER(0x030)
#define QUEUE_SIZE_MAX REGISTER(0x034)
#define QUEUE_SIZE REGISTER(0x038)
#define QUEUE_READY REGISTER(0x044)
#define QUEUE_NOTIFY REGISTER(0x050)
#define INTERRUPT_STATUS REGISTER(0x060)
#define INTERRUPT_ACKNOWLEDGE REGISTER(0x064)
#define STATUS REGISTER(0x070)
#define QUEUE_TABLE REGISTER(0x080) // lower halves; the upper ones are 4 behind, and 0
#define QUEUE_OFFERED REGISTER(0x090)
#define QUEUE_USED REGISTER(0x0A0)

#define MAGIC_VALUE 0x74726976u
#define VERSION_VALUE 2u
#define DEVICE_NETWORK 1u
#define STATUS_ACKNOWLEDGE 1u
#define STATUS_DRIVER 2u
#define STATUS_DRIVER_OK 4u
#define STATUS_FEATURES_OK 8u
#define FEATURE_VERSION_1 1u // bit 32, the first of the second word
#define TABLE_DEVICE_WRITES 2u
#define OFFERED_NO_INTERRUPT 1u
#define QUEUE_RECEIVE 0u
#define QUEUE_SEND 1u

#define BUFFERS 4u // of each queue, a power of two: 12 KiB in all, less than a LAN9118 has of its own
#define HEAD_SIZE 12u
#define BUFFER_SIZE 1528u // the head, and a whole frame of 1,514 bytes

struct queue {
    _Alignas(16) struct {
        uint64_t address;
        uint32_t size;
        uint16_t flags;
        uint16_t next;
    } table[BUFFERS];
    struct {
        uint16_t flags;
        uint16_t index;
        uint16_t ring[BUFFERS];
    } offered;
    _Alignas(4) struct {
        uint16_t flags;
        uint16_t index;
        struct {
            uint32_t buffer;
            uint32_t size;
        } ring[BUFFERS];
    } used;
};

static volatile struct queue receive, send;
static _Alignas(8) uint8_t received[BUFFERS][BUFFER_SIZE], to_send[BUFFERS][BUFFER_SIZE];
static uint16_t taken; // of receive.used
static uintptr_t base;
static TaskHandle_t waiting;

void board_ethernet_interrupt(void) {
    BaseType_t woken = pdFALSE;
    INTERRUPT_ACKNOWLEDGE = INTERRUPT_STATUS;
    if (waiting != NULL) {
        vTaskNotifyGiveFromISR(waiting, &woken);
    }
    portYIELD_FROM_ISR(woken);
}

static void fence(void) {
    __asm volatile("fence" ::: "memory");
}

static void offer(volatile struct queue *queue, uint16_t buffer) {
    queue->offered.ring[queue->offered.index % BUFFERS] = buffer;
    fence();
    queue->offered.index++;
    fence();
}

bool board_ethernet_send(const struct pbuf *frame) {
    uint16_t under_way = (uint16_t)(send.offered.index - send.used.index);
    // The device may give them back out of order by the specification; QEMU's does not, and then the next one is free.
    if (under_way >= BUFFERS || frame->tot_len > BUFFER_SIZE - HEAD_SIZE) {
        return false;
    }
    uint16_t buffer = send.offered.index % BUFFERS;
    memset(to_send[buffer], 0, HEAD_SIZE);
    (void)pbuf_copy_partial(frame, to_send[buffer] + HEAD_SIZE, frame->tot_len, 0);
    send.table[buffer].size = HEAD_SIZE + frame->tot_len;
    offer(&send, buffer);
    QUEUE_NOTIFY = QUEUE_SEND;
    return true;
}

bool board_ethernet_take(struct pbuf **frame) {
    if (receive.used.index == taken) {
        return false;
    }
    fence();
    uint32_t buffer = receive.used.ring[taken % BUFFERS].buffer % BUFFERS;
    uint32_t size = receive.used.ring[taken % BUFFERS].size;
    bool good = size > HEAD_SIZE && size <= BUFFER_SIZE;
    *frame = good ? pbuf_alloc(PBUF_RAW, (u16_t)(size - HEAD_SIZE), PBUF_POOL) : NULL;
    if (*frame != NULL) {
        (void)pbuf_take(*frame, received[buffer] + HEAD_SIZE, (u16_t)(size - HEAD_SIZE));
    }
    taken++;
    offer(&receive, (uint16_t)buffer);
    QUEUE_NOTIFY = QUEUE_RECEIVE;
    return true;
}

void board_ethernet_sleep(uint32_t timeout_ms) {
    if (receive.used.index == taken) { // an interrupt from here on is kept as a notification
        (void)ulTaskNotifyTake(pdTRUE, pdMS_TO_TICKS(timeout_ms));
    }
}

static bool open_queue(uint32_t number, volatile struct queue *queue, const uint8_t (*buffers)[BUFFER_SIZE], uint16_t flags) {
    QUEUE_SELECT = number;
    if (QUEUE_READY != 0 || QUEUE_SIZE_MAX < BUFFERS) {
        return false;
    }
    for (uint16_t i = 0; i < BUFFERS; i++) {
        queue->table[i].address = (uintptr_t)buffers[i];
        queue->table[i].size = BUFFER_SIZE;
        queue->table[i].flags = flags;
    }
    QUEUE_SIZE = BUFFERS;
    QUEUE_TABLE = (uintptr_t)&queue->table;
    QUEUE_OFFERED = (uintptr_t)&queue->offered;
    QUEUE_USED = (uintptr_t)&queue->used;
    QUEUE_READY = 1;
    return true;
}

static bool find_device(uint32_t *interrupt) {
    for (uint32_t i = 0; i < SLOTS; i++) {
        base = SLOT(i);
        if (MAGIC == MAGIC_VALUE && VERSION == VERSION_VALUE && DEVICE_ID == DEVICE_NETWORK) {
            *interrupt = SLOT_INTERRUPT(i);
            return true;
        }
    }
    return false;
}

// The device takes frames for every address until it is told otherwise, so it need not know ours. The order is that of §3.1.1.
bool board_ethernet_open(const uint8_t mac[6]) {
    uint32_t interrupt;
    (void)mac;
    if (!find_device(&interrupt)) {
        return false;
    }
    waiting = xTaskGetCurrentTaskHandle();
    STATUS = 0;
    STATUS = STATUS_ACKNOWLEDGE;
    STATUS = STATUS_ACKNOWLEDGE | STATUS_DRIVER;
    DEVICE_FEATURES_SELECT = 1;
    if ((DEVICE_FEATURES & FEATURE_VERSION_1) == 0) {
        return false;
    }
    DRIVER_FEATURES_SELECT = 0;
    DRIVER_FEATURES = 0;
    DRIVER_FEATURES_SELECT = 1;
    DRIVER_FEATURES = FEATURE_VERSION_1;
    STATUS = STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK;
    if ((STATUS & STATUS_FEATURES_OK) == 0 || !open_queue(QUEUE_RECEIVE, &receive, received, TABLE_DEVICE_WRITES) ||
        !open_queue(QUEUE_SEND, &send, to_send, 0)) {
        return false;
    }
    send.offered.flags = OFFERED_NO_INTERRUPT;
    board_interrupt_enable(interrupt);
    STATUS = STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK | STATUS_DRIVER_OK;
    for (uint16_t i = 0; i < BUFFERS; i++) {
        offer(&receive, i);
    }
    QUEUE_NOTIFY = QUEUE_RECEIVE;
    return true;
}
