// The SMSC LAN9118 Ethernet controller. Registers are those of its data sheet, chapter 5. Frames are copied through its FIFOs
// by the processor; the interrupt only wakes the node's task.
#include <FreeRTOS.h>
#include <task.h>

#include <lwip/pbuf.h>

#include "port/freertos/board.h"

#define REGISTER(offset) (*(volatile uint32_t *)(0x40200000u + (offset)))
#define RX_DATA REGISTER(0x00)
#define TX_DATA REGISTER(0x20)
#define RX_STATUS REGISTER(0x40)
#define TX_STATUS REGISTER(0x48)
#define INT_CFG REGISTER(0x54)
#define INT_STS REGISTER(0x58)
#define INT_EN REGISTER(0x5C)
#define BYTE_TEST REGISTER(0x64)
#define FIFO_INT REGISTER(0x68)
#define RX_CFG REGISTER(0x6C)
#define TX_CFG REGISTER(0x70)
#define HW_CFG REGISTER(0x74)
#define RX_FIFO_INF REGISTER(0x7C)
#define TX_FIFO_INF REGISTER(0x80)
#define MAC_CSR_CMD REGISTER(0xA4)
#define MAC_CSR_DATA REGISTER(0xA8)

#define BYTE_TEST_VALUE 0x87654321u
#define HW_CFG_RESET 1u
#define HW_CFG_TX_FIFO 0x00150000u // must-be-one bit, 5 KiB for sending
#define INT_CFG_ACTIVE 0x111u      // push-pull, active high, enabled
#define INT_RX_STATUS 8u
#define TX_CFG_ON 2u
#define MAC_BUSY 0x80000000u
#define MAC_CR 1u
#define MAC_CR_ON ((1u << 20) | (1u << 3) | (1u << 2)) // full duplex, transmitter, receiver
#define MAC_ADDRH 2u
#define MAC_ADDRL 3u
#define RX_ERROR 0x8000u
#define TX_FIRST_AND_LAST ((1u << 13) | (1u << 12))
#define FRAME_CHECK_SIZE 4u
#define TX_HEAD_SIZE 16u

#define NVIC_ENABLE (*(volatile uint32_t *)0xE000E100u)
#define NVIC_PRIORITY (*(volatile uint8_t *)(0xE000E400u + INTERRUPT))
#define INTERRUPT 13u

static TaskHandle_t waiting;

void Network_Handler(void);
void Network_Handler(void) {
    BaseType_t woken = pdFALSE;
    INT_EN = 0;
    if (waiting != NULL) {
        vTaskNotifyGiveFromISR(waiting, &woken);
    }
    portYIELD_FROM_ISR(woken);
}

static void mac_write(uint32_t index, uint32_t value) {
    MAC_CSR_DATA = value;
    MAC_CSR_CMD = MAC_BUSY | index;
    while ((MAC_CSR_CMD & MAC_BUSY) != 0) {
    }
}

bool board_ethernet_send(const struct pbuf *frame) {
    while ((TX_FIFO_INF >> 16 & 0xffu) != 0) {
        (void)TX_STATUS;
    }
    if ((TX_FIFO_INF & 0xffffu) < frame->tot_len + TX_HEAD_SIZE) {
        return false;
    }
    TX_DATA = TX_FIRST_AND_LAST | frame->tot_len;
    TX_DATA = frame->tot_len;
    uint32_t word = 0;
    uint32_t have = 0;
    for (const struct pbuf *part = frame; part != NULL; part = part->next) {
        const uint8_t *bytes = part->payload;
        for (uint32_t i = 0; i < part->len; i++) {
            word |= (uint32_t)bytes[i] << (8 * have++);
            if (have == 4) {
                TX_DATA = word;
                word = have = 0;
            }
        }
    }
    if (have > 0) {
        TX_DATA = word;
    }
    return true;
}

// Takes one frame out of the FIFO; the words must be read even when there is no place for them.
static struct pbuf *take_frame(void) {
    uint32_t status = RX_STATUS;
    uint32_t size = status >> 16 & 0x3fffu;
    bool good = (status & RX_ERROR) == 0 && size > FRAME_CHECK_SIZE;
    struct pbuf *frame = good ? pbuf_alloc(PBUF_RAW, (u16_t)size, PBUF_POOL) : NULL;
    struct pbuf *part = frame;
    uint32_t at = 0;
    for (uint32_t words = (size + 3) / 4; words > 0; words--) {
        uint32_t word = RX_DATA;
        for (uint32_t i = 0; i < 4 && part != NULL; i++) {
            ((uint8_t *)part->payload)[at++] = (uint8_t)(word >> (8 * i));
            if (at == part->len) {
                part = part->next;
                at = 0;
            }
        }
    }
    if (frame != NULL) {
        pbuf_realloc(frame, (u16_t)(size - FRAME_CHECK_SIZE));
    }
    return frame;
}

bool board_ethernet_open(const uint8_t mac[6]) {
    if (BYTE_TEST != BYTE_TEST_VALUE) {
        return false;
    }
    waiting = xTaskGetCurrentTaskHandle();
    HW_CFG = HW_CFG_RESET;
    while ((HW_CFG & HW_CFG_RESET) != 0) {
    }
    HW_CFG = HW_CFG_TX_FIFO;
    mac_write(MAC_ADDRL, (uint32_t)mac[0] | (uint32_t)mac[1] << 8 | (uint32_t)mac[2] << 16 | (uint32_t)mac[3] << 24);
    mac_write(MAC_ADDRH, (uint32_t)mac[4] | (uint32_t)mac[5] << 8);
    FIFO_INT = 0; // tell of the first frame
    RX_CFG = 0;
    TX_CFG = TX_CFG_ON;
    mac_write(MAC_CR, MAC_CR_ON);
    INT_CFG = INT_CFG_ACTIVE;
    INT_STS = UINT32_MAX;
    NVIC_PRIORITY = 6 << 5;
    NVIC_ENABLE = 1u << INTERRUPT;
    return true;
}

bool board_ethernet_take(struct pbuf **frame) {
    if ((RX_FIFO_INF >> 16 & 0xffu) == 0) {
        return false;
    }
    *frame = take_frame();
    return true;
}

void board_ethernet_sleep(uint32_t timeout_ms) {
    INT_STS = UINT32_MAX;
    if ((RX_FIFO_INF >> 16 & 0xffu) != 0) {
        return; // it came after the last poll
    }
    INT_EN = INT_RX_STATUS;
    (void)ulTaskNotifyTake(pdTRUE, pdMS_TO_TICKS(timeout_ms));
}
