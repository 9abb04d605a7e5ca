// Datagrams over POSIX sockets. Addresses are kept as IPv6 (v4-mapped for IPv4), 16 octets and the port, network order. A
// link-local address (fe80::/10) means nothing without its interface: its number is kept in octets 2 and 3, which are zero on
// the wire (as in the KAME stack), so that answers find the way back.
#include "port/port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct port_udp {
    int descriptor;
    bool ipv4;
    uint64_t waited_ms;
};

// Room for the kernel's time of arrival (SO_TIMESTAMPNS), aligned as the control message is.
union arrival {
    struct cmsghdr header;
    uint8_t bytes[CMSG_SPACE(sizeof(struct timespec))];
};

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool is_mapped(const struct coap_address *address) {
    return memcmp(address->octets, mapped_prefix, sizeof mapped_prefix) == 0;
}

static bool is_link_local(const uint8_t address[16]) {
    return address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
}

static socklen_t to_socket_address(const struct port_udp *udp, const struct coap_address *address,
                                   struct sockaddr_storage *out) {
    if (udp->ipv4) {
        struct sockaddr_in *in = (struct sockaddr_in *)out;
        memset(in, 0, sizeof *in);
        in->sin_family = AF_INET;
        memcpy(&in->sin_addr, address->octets + 12, 4);
        memcpy(&in->sin_port, address->octets + 16, 2);
        return sizeof *in;
    }
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
    memset(in6, 0, sizeof *in6);
    in6->sin6_family = AF_INET6;
    memcpy(&in6->sin6_addr, address->octets, 16);
    memcpy(&in6->sin6_port, address->octets + 16, 2);
    if (is_link_local(address->octets)) {
        in6->sin6_scope_id = (uint32_t)address->octets[2] << 8 | address->octets[3];
        in6->sin6_addr.s6_addr[2] = in6->sin6_addr.s6_addr[3] = 0;
    }
    return sizeof *in6;
}

static void from_socket_address(const struct sockaddr_storage *from, struct coap_address *out) {
    if (from->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)from;
        memcpy(out->octets, mapped_prefix, sizeof mapped_prefix);
        memcpy(out->octets + 12, &in->sin_addr, 4);
        memcpy(out->octets + 16, &in->sin_port, 2);
        return;
    }
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)from;
    memcpy(out->octets, &in6->sin6_addr, 16);
    memcpy(out->octets + 16, &in6->sin6_port, 2);
    if (is_link_local(out->octets)) {
        out->octets[2] = (uint8_t)(in6->sin6_scope_id >> 8);
        out->octets[3] = (uint8_t)in6->sin6_scope_id;
    }
}

enum error port_address_parse(const char *text, struct coap_address *out) {
    char host[64];
    const char *colon = strrchr(text, ':');
    if (colon == NULL) {
        return ERROR_MALFORMED;
    }
    const char *begin = text;
    const char *end = colon;
    if (*begin == '[' && end > begin && end[-1] == ']') {
        begin++;
        end--;
    }
    size_t size = (size_t)(end - begin);
    if (size == 0 || size >= sizeof host) {
        return ERROR_MALFORMED;
    }
    memcpy(host, begin, size);
    host[size] = '\0';
    char *rest = NULL;
    errno = 0;
    unsigned long number = strtoul(colon + 1, &rest, 10);
    if (errno != 0 || rest == colon + 1 || *rest != '\0' || number > 65535 || colon[1] == '-' || colon[1] == '+') {
        return ERROR_MALFORMED;
    }
    uint16_t port = htons((uint16_t)number);
    memcpy(out->octets + 16, &port, 2);
    if (inet_pton(AF_INET6, host, out->octets) == 1) {
        return ERROR_NONE;
    }
    memcpy(out->octets, mapped_prefix, sizeof mapped_prefix);
    return inet_pton(AF_INET, host, out->octets + 12) == 1 ? ERROR_NONE : ERROR_MALFORMED;
}

void port_address_text(const struct coap_address *address, char out[64]) {
    char host[INET6_ADDRSTRLEN] = "?";
    uint16_t port;
    memcpy(&port, address->octets + 16, 2);
    if (is_mapped(address)) {
        inet_ntop(AF_INET, address->octets + 12, host, sizeof host);
        snprintf(out, 64, "%s:%u", host, ntohs(port));
    } else {
        inet_ntop(AF_INET6, address->octets, host, sizeof host);
        snprintf(out, 64, "[%s]:%u", host, ntohs(port));
    }
}

// For the address's family; its descriptor is negative when the system has none to give. NULL without memory.
static struct port_udp *open_socket(const struct coap_address *address, char refusal[PORT_REFUSAL_SIZE]) {
    struct port_udp *udp = calloc(1, sizeof *udp);
    if (udp == NULL) {
        snprintf(refusal, PORT_REFUSAL_SIZE, "no memory for a socket");
        return NULL;
    }
    udp->ipv4 = is_mapped(address);
    udp->descriptor = socket(udp->ipv4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return udp;
}

enum error port_udp_open(const char *text, struct port_udp **out, char refusal[PORT_REFUSAL_SIZE]) {
    struct coap_address address;
    if (port_address_parse(text, &address) != ERROR_NONE) {
        snprintf(refusal, PORT_REFUSAL_SIZE, "\"%s\" is not an address: write 127.0.0.1:5683 or [::1]:5683", text);
        return ERROR_MALFORMED;
    }
    struct port_udp *udp = open_socket(&address, refusal);
    if (udp == NULL) {
        return ERROR_MEMORY;
    }
    struct sockaddr_storage bound;
    socklen_t size = to_socket_address(udp, &address, &bound);
    if (udp->descriptor < 0 || bind(udp->descriptor, (struct sockaddr *)&bound, size) != 0) {
        int reason = errno;
        if (udp->descriptor >= 0) {
            close(udp->descriptor);
        }
        free(udp);
        snprintf(refusal, PORT_REFUSAL_SIZE, "cannot listen on %s: %s%s", text, strerror(reason),
                 reason == EADDRINUSE ? "; stop the other program or choose another port" : "");
        return reason == EADDRINUSE ? ERROR_EXISTS : ERROR_NETWORK;
    }
    int large = 1 << 20; // a burst of a whole building's measurements must not be lost in the kernel
    (void)setsockopt(udp->descriptor, SOL_SOCKET, SO_RCVBUF, &large, sizeof large);
    int on = 1;
    (void)setsockopt(udp->descriptor, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    *out = udp;
    return ERROR_NONE;
}

static bool join(int descriptor, const struct coap_address *group, bool ipv4, unsigned interface) {
    struct sockaddr_storage storage = {0};
    int yes = 1;
    int no = 0;
    socklen_t size = 0;
    bool good = setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0;
    if (ipv4) {
        struct ip_mreqn membership = {.imr_ifindex = (int)interface};
        memcpy(&membership.imr_multiaddr, group->octets + 12, 4);
        // Without this Linux hands a socket what other sockets joined on other interfaces.
        good = good && setsockopt(descriptor, IPPROTO_IP, IP_MULTICAST_ALL, &no, sizeof no) == 0 &&
               setsockopt(descriptor, IPPROTO_IP, IP_ADD_MEMBERSHIP, &membership, sizeof membership) == 0;
    } else {
        struct ipv6_mreq membership = {.ipv6mr_interface = interface};
        memcpy(&membership.ipv6mr_multiaddr, group->octets, 16);
        good = good && setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes) == 0 &&
               setsockopt(descriptor, IPPROTO_IPV6, IPV6_MULTICAST_ALL, &no, sizeof no) == 0 &&
               setsockopt(descriptor, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &membership, sizeof membership) == 0;
    }
    const struct port_udp shape = {.descriptor = descriptor, .ipv4 = ipv4};
    size = to_socket_address(&shape, group, &storage);
    if (!ipv4) {
        ((struct sockaddr_in6 *)&storage)->sin6_scope_id = interface;
    }
    return good && bind(descriptor, (struct sockaddr *)&storage, size) == 0; // to the group: what is sent elsewhere stays out
}

enum error port_udp_join(const char *group, const char *interface, struct port_udp **out, char refusal[PORT_REFUSAL_SIZE]) {
    struct coap_address address;
    unsigned index = if_nametoindex(interface);
    if (port_address_parse(group, &address) != ERROR_NONE) {
        snprintf(refusal, PORT_REFUSAL_SIZE, "\"%s\" is not the address of a group", group);
        return ERROR_MALFORMED;
    }
    if (index == 0) {
        snprintf(refusal, PORT_REFUSAL_SIZE, "there is no network interface \"%s\": see `ip link`", interface);
        return ERROR_NOT_FOUND;
    }
    struct port_udp *udp = open_socket(&address, refusal);
    if (udp == NULL) {
        return ERROR_MEMORY;
    }
    if (udp->descriptor < 0 || !join(udp->descriptor, &address, udp->ipv4, index)) {
        snprintf(refusal, PORT_REFUSAL_SIZE, "cannot join %s on %s: %s", group, interface, strerror(errno));
        if (udp->descriptor >= 0) {
            close(udp->descriptor);
        }
        free(udp);
        return ERROR_NETWORK;
    }
    *out = udp;
    return ERROR_NONE;
}

void port_udp_close(struct port_udp *udp) {
    if (udp != NULL) {
        close(udp->descriptor);
        free(udp);
    }
}

bool port_udp_send(struct port_udp *udp, const struct coap_address *to, struct bytes datagram) {
    struct sockaddr_storage address;
    if (udp->ipv4 && !is_mapped(to)) {
        return false;
    }
    socklen_t size = to_socket_address(udp, to, &address);
    return sendto(udp->descriptor, datagram.data, datagram.size, MSG_DONTWAIT, (struct sockaddr *)&address, size) >= 0;
}

// The arrival is on the wall clock; when that was set meanwhile, a datagram may seem older than it is, which is the safe side,
// or from the future, which counts as new.
static uint64_t waited_ms(struct msghdr *message) {
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part != NULL; part = CMSG_NXTHDR(message, part)) {
        if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec arrived;
            struct timespec now;
            memcpy(&arrived, CMSG_DATA(part), sizeof arrived);
            clock_gettime(CLOCK_REALTIME, &now);
            int64_t waited = ((int64_t)now.tv_sec - (int64_t)arrived.tv_sec) * 1000 + (now.tv_nsec - arrived.tv_nsec) / 1000000;
            return waited > 0 ? (uint64_t)waited : 0;
        }
    }
    return 0;
}

enum error port_udp_receive(struct port_udp *udp, struct coap_address *from, struct buffer scratch, struct bytes *datagram) {
    struct sockaddr_storage address;
    union arrival arrival;
    struct iovec part = {scratch.data, scratch.size};
    ssize_t got;
    struct msghdr message;
    do {
        message = (struct msghdr){.msg_name = &address,
                                  .msg_namelen = sizeof address,
                                  .msg_iov = &part,
                                  .msg_iovlen = 1,
                                  .msg_control = &arrival,
                                  .msg_controllen = sizeof arrival};
        // An ICMP "port unreachable" for an earlier datagram shows up as ECONNREFUSED here on some kernels; it is no message.
        got = recvmsg(udp->descriptor, &message, MSG_DONTWAIT | MSG_TRUNC);
    } while (got < 0 && (errno == EINTR || errno == ECONNREFUSED));
    if (got < 0) {
        return ERROR_NOT_FOUND;
    }
    from_socket_address(&address, from);
    if ((size_t)got > scratch.size) {
        return ERROR_TOO_LARGE;
    }
    udp->waited_ms = waited_ms(&message);
    *datagram = (struct bytes){scratch.data, (size_t)got};
    return ERROR_NONE;
}

uint64_t port_udp_waited_ms(const struct port_udp *udp) {
    return udp->waited_ms;
}

int port_udp_descriptor(const struct port_udp *udp) {
    return udp->descriptor;
}

void port_udp_address(const struct port_udp *udp, struct coap_address *out) {
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    memset(out, 0, sizeof *out);
    if (getsockname(udp->descriptor, (struct sockaddr *)&address, &size) == 0) {
        from_socket_address(&address, out);
    }
}

uint64_t port_wait(const int *descriptors, uint32_t count, uint64_t timeout_ms) {
    struct pollfd polled[64];
    count = count > 64 ? 64 : count;
    for (uint32_t i = 0; i < count; i++) {
        polled[i] = (struct pollfd){.fd = descriptors[i], .events = POLLIN};
    }
    int timeout = timeout_ms > 60000 ? (timeout_ms == UINT64_MAX ? -1 : 60000) : (int)timeout_ms;
    uint64_t ready = 0;
    if (poll(polled, count, timeout) > 0) {
        for (uint32_t i = 0; i < count; i++) {
            if ((polled[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
                ready |= UINT64_C(1) << i;
            }
        }
    }
    return ready;
}
