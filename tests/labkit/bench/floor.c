/* The floor: what restoring and listing a table cost a client that does nothing else.
 *
 *     floor restore SERVICES SERVERS    adds the table that rules.sh writes for the same numbers
 *     floor list                        asks for every virtual service and its real servers, prints how many
 *
 * It knows the table by heart instead of reading rules, sends 100 changes at a time, asks for the acknowledgement of
 * the last only, and throws away what it is told. A program that reads rules and prints listings cannot be cheaper.
 */
#include <arpa/inet.h>
#include <linux/genetlink.h>
#include <linux/ip_vs.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CHANGES_A_SEND = 100 };

static int netlink;
static unsigned short family = GENL_ID_CTRL;
static unsigned sequence;

/* Requests that wait to be sent, and the one that is being written. */
static char requests[1 << 16] __attribute__((aligned(4)));
static size_t length;
static struct nlmsghdr *request;

/* The kernel makes a datagram as large as the buffer, and clears it first: with this one a dump costs it least. */
static char answer[8192 - 320] __attribute__((aligned(4)));

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void begin(unsigned char command, unsigned short flags)
{
    request = (struct nlmsghdr *)(requests + length);
    *request = (struct nlmsghdr){.nlmsg_type = family, .nlmsg_flags = NLM_F_REQUEST | flags, .nlmsg_seq = ++sequence};
    struct genlmsghdr *generic = NLMSG_DATA(request);
    *generic = (struct genlmsghdr){.cmd = command, .version = 1};
    length += NLMSG_HDRLEN + GENL_HDRLEN;
}

static struct nlattr *attribute(unsigned short type, const void *value, size_t size)
{
    struct nlattr *place = (struct nlattr *)(requests + length);
    place->nla_type = type;
    place->nla_len = NLA_HDRLEN + size;
    memcpy(place + 1, value, size);
    length += NLA_ALIGN(place->nla_len);
    return place;
}

static void attribute_16(unsigned short type, unsigned short value) { attribute(type, &value, sizeof value); }
static void attribute_32(unsigned short type, unsigned value) { attribute(type, &value, sizeof value); }

static void close_nested(struct nlattr *nested) { nested->nla_len = requests + length - (char *)nested; }

static void end(void) { request->nlmsg_len = requests + length - (char *)request; }

static void send_requests(void)
{
    if (send(netlink, requests, length, 0) != (ssize_t)length)
        fail("send");
    length = 0;
}

/* The next answer; the end of it. */
static char *receive(void)
{
    ssize_t size = recv(netlink, answer, sizeof answer, 0);
    if (size < 0)
        fail("recv");
    return answer + size;
}

static void send_and_wait(void)
{
    request->nlmsg_flags |= NLM_F_ACK;
    send_requests();
    receive();
    struct nlmsghdr *header = (struct nlmsghdr *)answer;
    struct nlmsgerr *error = NLMSG_DATA(header);
    if (header->nlmsg_type != NLMSG_ERROR || error->error != 0 || header->nlmsg_seq != sequence) {
        fputs("floor: the kernel refused a change\n", stderr);
        exit(1);
    }
}

static void look_up_family(void)
{
    begin(CTRL_CMD_GETFAMILY, 0);
    attribute(CTRL_ATTR_FAMILY_NAME, IPVS_GENL_NAME, sizeof IPVS_GENL_NAME);
    end();
    send_requests();
    char *stop = receive();
    char *place = answer + NLMSG_HDRLEN + GENL_HDRLEN;
    while (place < stop) {
        struct nlattr *found = (struct nlattr *)place;
        if (found->nla_type == CTRL_ATTR_FAMILY_ID)
            memcpy(&family, found + 1, sizeof family);
        place += NLA_ALIGN(found->nla_len);
    }
    if (family == GENL_ID_CTRL) {
        fputs("floor: no IPVS in this kernel\n", stderr);
        exit(1);
    }
}

static void address(unsigned short type, unsigned char block, int number)
{
    unsigned char bytes[16] = {10, block + (number >> 16), number >> 8, number};
    attribute(type, bytes, sizeof bytes);
}

static struct nlattr *service(int number)
{
    struct nlattr *nested = attribute(IPVS_CMD_ATTR_SERVICE | NLA_F_NESTED, NULL, 0);
    attribute_16(IPVS_SVC_ATTR_AF, AF_INET);
    attribute_16(IPVS_SVC_ATTR_PROTOCOL, IPPROTO_TCP);
    address(IPVS_SVC_ATTR_ADDR, 0, number + 1);
    attribute_16(IPVS_SVC_ATTR_PORT, htons(80));
    return nested;
}

static void add_service(int number)
{
    struct ip_vs_flags flags = {0, ~0};

    begin(IPVS_CMD_NEW_SERVICE, 0);
    struct nlattr *nested = service(number);
    attribute(IPVS_SVC_ATTR_SCHED_NAME, "wlc", 4);
    attribute(IPVS_SVC_ATTR_FLAGS, &flags, sizeof flags);
    attribute_32(IPVS_SVC_ATTR_TIMEOUT, 0);
    attribute_32(IPVS_SVC_ATTR_NETMASK, ~0);
    close_nested(nested);
    end();
}

static void add_server(int number, int server)
{
    begin(IPVS_CMD_NEW_DEST, 0);
    close_nested(service(number));
    struct nlattr *nested = attribute(IPVS_CMD_ATTR_DEST | NLA_F_NESTED, NULL, 0);
    attribute_16(IPVS_DEST_ATTR_ADDR_FAMILY, AF_INET);
    address(IPVS_DEST_ATTR_ADDR, 128, server + 1);
    attribute_16(IPVS_DEST_ATTR_PORT, htons(80));
    attribute_32(IPVS_DEST_ATTR_FWD_METHOD, IP_VS_CONN_F_MASQ);
    attribute_32(IPVS_DEST_ATTR_WEIGHT, 1);
    attribute_32(IPVS_DEST_ATTR_U_THRESH, 0);
    attribute_32(IPVS_DEST_ATTR_L_THRESH, 0);
    close_nested(nested);
    end();
}

static void restore(int services, int servers)
{
    int waiting = 0;
    for (int number = 0; number < services; number++)
        for (int server = -1; server < servers; server++) {
            if (server < 0)
                add_service(number);
            else
                add_server(number, number * servers + server);
            if (++waiting == CHANGES_A_SEND) {
                send_and_wait();
                waiting = 0;
            }
        }
    if (waiting)
        send_and_wait();
}

/* Receives all answers of a dump, hands each to `take`. */
static void dump(void (*take)(struct nlattr *))
{
    for (;;) {
        char *stop = receive();
        for (char *place = answer; place < stop;) {
            struct nlmsghdr *header = (struct nlmsghdr *)place;
            if (header->nlmsg_type == NLMSG_DONE)
                return;
            if (header->nlmsg_type == NLMSG_ERROR) {
                fputs("floor: the kernel refused a dump\n", stderr);
                exit(1);
            }
            take((struct nlattr *)(place + NLMSG_HDRLEN + GENL_HDRLEN));
            place += NLMSG_ALIGN(header->nlmsg_len);
        }
    }
}

static struct {
    char *services;
    size_t size, capacity, count, servers;
} table;

/* Keeps what the kernel told of a service: as it stands, it asks for the service's servers. */
static void keep_service(struct nlattr *nested)
{
    size_t size = NLA_ALIGN(nested->nla_len);
    if (table.size + size > table.capacity) {
        table.capacity = 2 * table.capacity + size;
        table.services = realloc(table.services, table.capacity);
        if (!table.services)
            fail("realloc");
    }
    memcpy(table.services + table.size, nested, size);
    table.size += size;
    table.count++;
}

static void count_server(struct nlattr *nested)
{
    (void)nested;
    table.servers++;
}

static void list(void)
{
    begin(IPVS_CMD_GET_SERVICE, NLM_F_DUMP);
    end();
    send_requests();
    dump(keep_service);
    for (size_t place = 0; place < table.size;) {
        struct nlattr *nested = (struct nlattr *)(table.services + place);
        begin(IPVS_CMD_GET_DEST, NLM_F_DUMP);
        attribute(IPVS_CMD_ATTR_SERVICE | NLA_F_NESTED, nested + 1, nested->nla_len - NLA_HDRLEN);
        end();
        send_requests();
        dump(count_server);
        place += NLA_ALIGN(nested->nla_len);
    }
    printf("%zu services, %zu servers\n", table.count, table.servers);
}

int main(int argc, char **argv)
{
    netlink = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
    if (netlink < 0)
        fail("socket");
    look_up_family();
    if (argc == 4 && !strcmp(argv[1], "restore"))
        restore(atoi(argv[2]), atoi(argv[3]));
    else if (argc == 2 && !strcmp(argv[1], "list"))
        list();
    else {
        fputs("usage: floor restore SERVICES SERVERS | floor list\n", stderr);
        return 2;
    }
    return 0;
}
