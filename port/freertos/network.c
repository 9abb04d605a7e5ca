// The board's Ethernet controller as lwIP's interface. Frames are taken by polling; the controller's interrupt only wakes the
// node's task.
#include <lwip/etharp.h>
#include <lwip/init.h>
#include <lwip/netif.h>
#include <lwip/timeouts.h>

#include "port/freertos/board.h"

static struct netif interface;

static err_t transmit(struct netif *netif, struct pbuf *frame) {
    (void)netif;
    return board_ethernet_send(frame) ? ERR_OK : ERR_MEM;
}

static err_t open_interface(struct netif *netif) {
    netif->name[0] = 'e';
    netif->name[1] = '0';
    netif->output = etharp_output;
    netif->linkoutput = transmit;
    netif->mtu = 1500;
    netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | NETIF_FLAG_LINK_UP;
    return board_ethernet_open(netif->hwaddr) ? ERR_OK : ERR_IF;
}

bool board_network_open(const char *address, const char *mask, const char *gateway) {
    ip4_addr_t ip[3];
    if (!ip4addr_aton(address, &ip[0]) || !ip4addr_aton(mask, &ip[1]) || !ip4addr_aton(gateway, &ip[2])) {
        return false;
    }
    lwip_init();
    // Locally administered, and different for boards whose addresses differ.
    const uint8_t mac[6] = {0x52, 0x54, ip4_addr1(&ip[0]), ip4_addr2(&ip[0]), ip4_addr3(&ip[0]), ip4_addr4(&ip[0])};
    memcpy(interface.hwaddr, mac, sizeof mac);
    interface.hwaddr_len = sizeof mac;
    if (netif_add(&interface, &ip[0], &ip[1], &ip[2], NULL, open_interface, netif_input) == NULL) {
        return false;
    }
    netif_set_default(&interface);
    netif_set_up(&interface);
    return true;
}

void board_network_poll(void) {
    struct pbuf *frame;
    while (board_ethernet_take(&frame)) {
        if (frame != NULL && interface.input(frame, &interface) != ERR_OK) {
            pbuf_free(frame);
        }
    }
    sys_check_timeouts();
}

void board_network_sleep(uint32_t timeout_ms) {
    uint32_t own_ms = sys_timeouts_sleeptime();
    timeout_ms = own_ms < timeout_ms ? own_ms : timeout_ms;
    if (timeout_ms > 0) {
        board_ethernet_sleep(timeout_ms);
    }
}
