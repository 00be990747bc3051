/* The floor that every fan-out is held against: the same frame by send() to N sockets, at an interval.
 *
 * Usage: send_loop SOCKETS INTERVAL_US PAYLOAD_BYTES
 * Prints its port, answers SOCKETS handshakes without looking at them, then sends until standard input ends.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char RESPONSE[] =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: bm90IGNoZWNrZWQgaGVyZQ==\r\n\r\n";

static int parent_is_gone(int wait_ms) {
    struct pollfd input = {.fd = 0, .events = POLLIN};
    char byte;
    return poll(&input, 1, wait_ms) > 0 && read(0, &byte, 1) <= 0;
}

static int accept_one(int listener) {
    static const int yes = 1, send_buffer = 65536;
    static const struct timeval patience = {.tv_sec = 5};
    char request[4096];
    int fd = accept(listener, NULL, NULL);
    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer);
    if (recv(fd, request, sizeof request, 0) <= 0) return -1;
    if (send(fd, RESPONSE, sizeof RESPONSE - 1, MSG_NOSIGNAL) < 0) return -1;
    return fd;
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    int sockets = atoi(argv[1]), payload = atoi(argv[3]), head;
    long interval_ns = atol(argv[2]) * 1000;
    if (sockets < 1 || interval_ns < 1000 || payload < 1 || payload > 65535) return 2;

    unsigned char *frame = malloc(payload + 4);
    int *fds = malloc(sizeof(int) * sockets);
    if (!frame || !fds) return 1;
    frame[0] = 0x81;
    if (payload < 126) {
        frame[1] = payload;
        head = 2;
    } else {
        frame[1] = 126;
        frame[2] = payload >> 8;
        frame[3] = payload & 255;
        head = 4;
    }
    memset(frame + head, 'x', payload);

    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);

    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 4096)) return 1;
    getsockname(listener, (struct sockaddr *)&address, &size);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);

    for (int i = 0; i < sockets; i++)
        if ((fds[i] = accept_one(listener)) < 0) return 1;

    struct timespec due;
    clock_gettime(CLOCK_MONOTONIC, &due);
    while (!parent_is_gone(0)) {
        for (int i = 0; i < sockets; i++) send(fds[i], frame, payload + head, MSG_DONTWAIT | MSG_NOSIGNAL);
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        do {  /* ticks whose time has passed are left out */
            due.tv_nsec += interval_ns % 1000000000;
            due.tv_sec += interval_ns / 1000000000 + due.tv_nsec / 1000000000;
            due.tv_nsec %= 1000000000;
        } while (due.tv_sec < now.tv_sec || (due.tv_sec == now.tv_sec && due.tv_nsec <= now.tv_nsec));
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
    }
    return 0;
}
