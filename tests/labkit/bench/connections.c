/* Makes connections through a virtual service on this machine: one datagram from each of so many ports.
 *
 *     connections ADDRESS PORT COUNT
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FIRST_PORT = 10000 };

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fputs("usage: connections ADDRESS PORT COUNT\n", stderr);
        return 2;
    }
    struct sockaddr_in service = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    if (!inet_aton(argv[1], &service.sin_addr))
        fail(argv[1]);
    int count = atoi(argv[3]);

    for (int number = 0; number < count; number++) {
        struct sockaddr_in client = {.sin_family = AF_INET, .sin_port = htons(FIRST_PORT + number)};
        int connection = socket(AF_INET, SOCK_DGRAM, 0);
        if (connection < 0 || bind(connection, (struct sockaddr *)&client, sizeof client) < 0)
            fail("bind");
        if (sendto(connection, "", 1, 0, (struct sockaddr *)&service, sizeof service) != 1)
            fail("sendto");
        close(connection);
    }
    return 0;
}
