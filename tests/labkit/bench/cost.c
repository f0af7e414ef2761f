/* What a command costs: runs it and prints the instructions it took, from fork to wait, and its peak memory in KiB.
 *
 *     cost OUTPUT COMMAND [ARGUMENT...]
 *
 * COMMAND's standard output goes to the file OUTPUT. Where this is run, in QEMU with `-icount shift=0`, the processor's
 * time stamp counter goes up by one with each instruction that is executed, in the program and in the kernel alike.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <x86intrin.h>

static void fail(const char *what)
{
    perror(what);
    exit(125);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fputs("usage: cost OUTPUT COMMAND [ARGUMENT...]\n", stderr);
        return 125;
    }
    int output = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (output < 0)
        fail(argv[1]);

    unsigned long long start = __rdtsc();
    pid_t child = vfork();
    if (child < 0)
        fail("vfork");
    if (child == 0) {
        dup2(output, STDOUT_FILENO);
        close(output);
        execvp(argv[2], argv + 2);
        _exit(127);
    }
    int status;
    struct rusage usage;
    if (wait4(child, &status, 0, &usage) < 0)
        fail("wait4");
    unsigned long long instructions = __rdtsc() - start;

    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fprintf(stderr, "%s: exit status %d\n", argv[2], WIFEXITED(status) ? WEXITSTATUS(status) : -1);
        return 125;
    }
    printf("%llu %ld\n", instructions, usage.ru_maxrss);
    return 0;
}
