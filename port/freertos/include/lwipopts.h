// lwIP for UDP over IPv4 in one thread: no sockets, no TCP, no thread of its own (NO_SYS).
#ifndef TENON_PORT_FREERTOS_LWIPOPTS_H
#define TENON_PORT_FREERTOS_LWIPOPTS_H

#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_SOCKET 0
#define LWIP_NETCONN 0
#define LWIP_TCP 0
#define LWIP_RAW 0
#define LWIP_UDP 1
#define LWIP_IPV4 1
#define LWIP_IPV6 0
#define LWIP_ARP 1
#define LWIP_ICMP 1
#define LWIP_DHCP 0
#define LWIP_ACD 0
#define LWIP_STATS 0
#define IP_REASSEMBLY 0 // our datagrams fit one frame
#define IP_FRAG 0
#define MEM_ALIGNMENT 4
#define MEM_SIZE 896 // the headers of what goes out, and a datagram of COAP_SENT_SIZE_MAX that waits for ARP
#define MEMP_NUM_PBUF 2
#define MEMP_NUM_UDP_PCB 1
#define ARP_TABLE_SIZE 6
#define PBUF_POOL_SIZE 1       // the frame in hand; the others wait in the controller
#define PBUF_POOL_BUFSIZE 1344 // Ethernet, IP and UDP before a datagram of 1,280, the frame's check behind it
#define LWIP_NETIF_LINK_CALLBACK 0

#endif
