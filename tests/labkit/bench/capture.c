/* The floor of what listens: takes the first bytes of every frame that any interface receives or sends, and looks at
 * none of them, until it is ended.
 *
 *     capture
 */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <stdio.h>
#include <sys/socket.h>

int main(void)
{
    int in = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
    int room = 8 << 20;
    char bytes[256];
    if (in < 0 || setsockopt(in, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room)) {
        perror("socket");
        return 1;
    }
    while (recv(in, bytes, sizeof bytes, 0) >= 0)
        ;
    return 1;
}
