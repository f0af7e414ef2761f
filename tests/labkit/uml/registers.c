/* Lets user-mode Linux before 6.14 run where processors have more registers than it knows.
 *
 * Those kernels keep a process's floating-point registers in 2 696 bytes. The host's kernel takes
 * registers back only whole (xstateregs_set: EFAULT for any other length), and with AMX that is
 * 11 008 bytes. So what is set here is what the process has, with the kernel's part laid over it.
 *
 * boot.pl has it loaded before the C library (LD_PRELOAD), for its ptrace().
 */
#define _GNU_SOURCE
#include <elf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define MOST_REGISTERS 65536

static long set_registers(long process, const struct iovec *part)
{
    static char registers[MOST_REGISTERS];
    struct iovec whole = {registers, sizeof registers};
    if (syscall(SYS_ptrace, PTRACE_GETREGSET, process, NT_X86_XSTATE, &whole) < 0)
        return -1;
    memcpy(registers, part->iov_base, part->iov_len < whole.iov_len ? part->iov_len : whole.iov_len);
    return syscall(SYS_ptrace, PTRACE_SETREGSET, process, NT_X86_XSTATE, &whole);
}

long ptrace(enum __ptrace_request request, ...)
{
    va_list arguments;
    va_start(arguments, request);
    long process = va_arg(arguments, pid_t);
    void *address = va_arg(arguments, void *);
    void *data = va_arg(arguments, void *);
    va_end(arguments);

    if (request == PTRACE_SETREGSET && (long)address == NT_X86_XSTATE)
        return set_registers(process, data);
    if (request == PTRACE_PEEKTEXT || request == PTRACE_PEEKDATA || request == PTRACE_PEEKUSER) {
        /* The C library returns what the kernel stores. */
        long word;
        return syscall(SYS_ptrace, request, process, address, &word) < 0 ? -1 : word;
    }
    return syscall(SYS_ptrace, request, process, address, data);
}
