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
#define MEM_SIZE 3072 // a datagram on its way out, and one that waits for ARP
#define MEMP_NUM_PBUF 4
#define MEMP_NUM_UDP_PCB 2
#define ARP_TABLE_SIZE 6
#define PBUF_POOL_SIZE 14 // two datagrams at full length, or as many small ones
#define PBUF_POOL_BUFSIZE 256
#define LWIP_NETIF_LINK_CALLBACK 0

#endif
