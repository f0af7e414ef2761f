/* Makes connections without anyone who connects: the messages of a director to its backup, which is this machine.
 *
 *     synced COUNT
 *
 * The messages go to the group 224.0.0.81 by the route that leads there. Clients are 10.x.x.x, one in four of them with
 * several connections; services are 192.0.2.1 to 192.0.2.4, port 80; servers 10.255.0.1 to 10.255.0.10, port 8080.
 * Source of the format: net/netfilter/ipvs/ip_vs_sync.c of the kernel, messages of version 1.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { IN_A_MESSAGE = 40, AT_ONCE = 16, TCP = 6, STATES = 8, KEPT = 100000 };

struct header {
    uint8_t reserved, group;
    uint16_t size;
    uint8_t connections, version;
    uint16_t spare;
};

struct connection {
    uint8_t type, protocol;
    uint16_t size;
    uint32_t flags;
    uint16_t state, client_port, service_port, server_port;
    uint32_t mark, timeout, client, service, server;
};

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fputs("usage: synced COUNT\n", stderr);
        return 2;
    }
    struct sockaddr_in group = {.sin_family = AF_INET, .sin_port = htons(8848)};
    inet_aton("224.0.0.81", &group.sin_addr);
    int output = socket(AF_INET, SOCK_DGRAM, 0);
    if (output < 0)
        fail("socket");
    uint32_t count = strtoul(argv[1], NULL, 10);
    for (uint32_t number = 0, messages = 0; number < count; messages++) {
        struct {
            struct header header;
            struct connection connections[IN_A_MESSAGE];
        } message;
        memset(&message, 0, sizeof message);
        int held = 0;
        for (; held < IN_A_MESSAGE && number < count; held++, number++) {
            uint32_t client = number % 4 ? number : number % 1024;
            message.connections[held] = (struct connection){
                .protocol = TCP,
                .size = htons(sizeof(struct connection)),
                .state = htons(1 + number % STATES),
                .client_port = htons(1024 + number / 1024 % 60000),
                .service_port = htons(80),
                .server_port = htons(8080),
                .timeout = htonl(KEPT),
                .client = htonl(0x0a000000 + client),
                .service = htonl(0xc0000201 + number % 3),
                .server = htonl(0x0aff0001 + number % 10),
            };
        }
        size_t size = sizeof message.header + held * sizeof(struct connection);
        message.header.size = htons(size);
        message.header.connections = held;
        message.header.version = 1;
        if (sendto(output, &message, size, 0, (struct sockaddr *)&group, sizeof group) != (ssize_t)size)
            fail("sendto");
        /* The backup keeps only so many that it has not read. */
        if (messages % AT_ONCE == 0)
            usleep(50000);
    }
    return 0;
}
