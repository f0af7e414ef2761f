/* Sends frames out of an interface, so many in each millisecond: segments of TCP for 10.0.0.1:80, of as many clients as
 * there are milliseconds, each of whom begins with a SYN; the others are of connections that were there before.
 *
 *     flood INTERFACE PACKETS-IN-A-MILLISECOND MILLISECONDS
 */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LENGTH = 14 + 20 + 20 + 946 };

static unsigned char frame[LENGTH];

static void put16(int at, unsigned value)
{
    frame[at] = value >> 8;
    frame[at + 1] = value;
}

static void put32(int at, unsigned value)
{
    put16(at, value >> 16);
    put16(at + 2, value & 0xffff);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fputs("usage: flood INTERFACE PACKETS-IN-A-MILLISECOND MILLISECONDS\n", stderr);
        return 2;
    }
    int each = atoi(argv[2]), milliseconds = atoi(argv[3]);
    int out = socket(AF_PACKET, SOCK_RAW, 0);
    struct sockaddr_ll place = {.sll_family = AF_PACKET, .sll_ifindex = if_nametoindex(argv[1]), .sll_halen = 6};
    if (out < 0 || !place.sll_ifindex) {
        perror(argv[1]);
        return 1;
    }
    /* For everybody, so that the receiver takes it for its own. */
    memset(frame, 0xff, 6);
    frame[6] = 2;
    put16(12, ETHERTYPE_IP);
    frame[14] = 0x45;
    put16(16, LENGTH - 14);
    frame[22] = 64;
    frame[23] = IPPROTO_TCP;
    put32(30, 0x0a000001);
    put16(36, 80);
    frame[46] = 5 << 4;
    struct timespec next;
    clock_gettime(CLOCK_MONOTONIC, &next);
    for (int client = 0; client < milliseconds; client++) {
        put32(26, 0x0a010000 + client);
        /* The header's checksum. */
        put16(24, 0);
        unsigned sum = 0;
        for (int at = 14; at < 34; at += 2)
            sum += frame[at] << 8 | frame[at + 1];
        while (sum >> 16)
            sum = (sum & 0xffff) + (sum >> 16);
        put16(24, ~sum & 0xffff);
        for (int packet = 0; packet < each; packet++) {
            put32(38, 1000000 * client + (packet ? 946 * packet + 1 : 0));
            put16(34, packet ? 40001 : 40000);
            frame[47] = packet ? 0x10 : 0x02; /* ACK, SYN */
            if (sendto(out, frame, LENGTH, 0, (struct sockaddr *)&place, sizeof place) < 0) {
                perror("sendto");
                return 1;
            }
        }
        next.tv_nsec += 1000000;
        if (next.tv_nsec >= 1000000000) {
            next.tv_nsec -= 1000000000;
            next.tv_sec++;
        }
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
    }
    return 0;
}
