/* The floor of what looks at every line of a file: reads them, and prints how many there are.
 *
 *     lines FILE
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    if (argc != 2) {
        fputs("usage: lines FILE\n", stderr);
        return 2;
    }
    FILE *file = fopen(argv[1], "r");
    if (!file) {
        perror(argv[1]);
        return 1;
    }
    /* Else it would ask the kernel for a kilobyte at a time. */
    static char buffer[64 * 1024];
    setvbuf(file, buffer, _IOFBF, sizeof buffer);
    char *line = NULL;
    size_t size = 0;
    long count = 0;
    while (getline(&line, &size, file) > 0)
        count++;
    printf("%ld\n", count);
    return 0;
}
