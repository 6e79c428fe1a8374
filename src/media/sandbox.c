/*
 * sandbox.c - giving up, in this order: the network (helper), privileges, files (Landlock, which takes a descriptor itself),
 * descriptors, resources, system calls.
 */
#include "media/sandbox.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "base/str.h"

/* What decoding, computing and handing over the result take. */
static const int allowed[] = {
    SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(pwrite64), SCMP_SYS(lseek),
    SCMP_SYS(ftruncate), SCMP_SYS(close), SCMP_SYS(fstat), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(brk), SCMP_SYS(madvise),
    SCMP_SYS(futex), SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep), SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity), SCMP_SYS(getcpu),
    SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getrandom), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(restart_syscall),
};

/* What libraries try and can live without. */
static const int refused[] = {
    SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(openat2), SCMP_SYS(creat), SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(newfstatat),
    SCMP_SYS(statx), SCMP_SYS(statfs), SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(readlink),
    SCMP_SYS(readlinkat), SCMP_SYS(getcwd), SCMP_SYS(socket), SCMP_SYS(socketpair), SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(ioctl),
    SCMP_SYS(fcntl), SCMP_SYS(dup), SCMP_SYS(dup2), SCMP_SYS(dup3), SCMP_SYS(prctl), SCMP_SYS(unlink), SCMP_SYS(unlinkat),
    SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(mkdir), SCMP_SYS(mkdirat), SCMP_SYS(link), SCMP_SYS(linkat),
    SCMP_SYS(symlink), SCMP_SYS(symlinkat), SCMP_SYS(chmod), SCMP_SYS(fchmod), SCMP_SYS(fchmodat), SCMP_SYS(pidfd_open),
    SCMP_SYS(pidfd_getfd), SCMP_SYS(sched_setaffinity), SCMP_SYS(setrlimit), SCMP_SYS(prlimit64), SCMP_SYS(memfd_create),
};

/* What only somebody who has broken in asks for. */
static const int deadly[] = {
    SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev),
    SCMP_SYS(process_madvise), SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(kill), SCMP_SYS(tkill), SCMP_SYS(rt_sigqueueinfo),
    SCMP_SYS(rt_tgsigqueueinfo), SCMP_SYS(pidfd_send_signal), SCMP_SYS(setns), SCMP_SYS(unshare), SCMP_SYS(mount), SCMP_SYS(umount2),
    SCMP_SYS(pivot_root), SCMP_SYS(chroot), SCMP_SYS(bpf), SCMP_SYS(io_uring_setup), SCMP_SYS(userfaultfd), SCMP_SYS(perf_event_open),
    SCMP_SYS(keyctl), SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(kexec_load), SCMP_SYS(open_by_handle_at), SCMP_SYS(seccomp),
};

static int add_rules(scmp_filter_ctx f) {
    const struct scmp_arg_cmp exec_no = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0), exec_yes = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC);
    const struct scmp_arg_cmp thread_yes = SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD), thread_no = SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0);
    const struct scmp_arg_cmp self = SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()), other = SCMP_A0(SCMP_CMP_NE, (scmp_datum_t)getpid());
    int r = 0;
    for (size_t i = 0; r == 0 && i < COUNT(allowed); i++)
        r = seccomp_rule_add(f, SCMP_ACT_ALLOW, allowed[i], 0);
    for (size_t i = 0; r == 0 && i < COUNT(refused); i++)
        r = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), refused[i], 0);
    for (size_t i = 0; r == 0 && i < COUNT(deadly); i++)
        r = seccomp_rule_add(f, SCMP_ACT_KILL_PROCESS, deadly[i], 0);
    for (size_t i = 0; r == 0 && i < 2; i++) {
        int nr = i ? SCMP_SYS(mprotect) : SCMP_SYS(mmap);
        r = seccomp_rule_add(f, SCMP_ACT_ALLOW, nr, 1, exec_no);
        if (r == 0)
            r = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), nr, 1, exec_yes);
    }
    /* clone3 hides its flags behind a pointer: ENOSYS (the default) makes glibc fall back to clone. */
    if (r == 0)
        r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, thread_yes);
    if (r == 0)
        r = seccomp_rule_add(f, SCMP_ACT_KILL_PROCESS, SCMP_SYS(clone), 1, thread_no);
    if (r == 0)                                     /* abort() signals itself */
        r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, self);
    if (r == 0)
        r = seccomp_rule_add(f, SCMP_ACT_KILL_PROCESS, SCMP_SYS(tgkill), 1, other);
    return r;
}

static int filter_syscalls(struct err *e) {
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    if (!f)
        return err_set(e, ERR_INTERNAL, "no memory for the system call filter");
    int r = seccomp_attr_set(f, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (r == 0)
        r = add_rules(f);
    if (r == 0)
        r = seccomp_load(f);
    seccomp_release(f);
    return r == 0 ? 0 : err_set(e, ERR_INTERNAL, "this kernel does not take the system call filter (%d)", r);
}

/* No rule is added to the set: nothing below any folder may be opened, and (from ABI 4 and 6 on) no port used, no outsider signalled. */
static int forbid_files(void) {
    struct {
        uint64_t fs, net, scoped;                   /* struct landlock_ruleset_attr as of ABI 6; Debian 12 declares the first */
    } attr = { 0 };
    size_t size = sizeof attr.fs;
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi <= 0)
        return 0;
    attr.fs = (1ULL << 13) - 1;
    if (abi >= 2)
        attr.fs |= 1ULL << 13;                      /* REFER */
    if (abi >= 3)
        attr.fs |= 1ULL << 14;                      /* TRUNCATE by path */
    if (abi >= 4) {
        attr.net = 3;                               /* bind and connect TCP */
        size = sizeof attr.fs + sizeof attr.net;
    }
    if (abi >= 6) {
        attr.scoped = 3;                            /* abstract sockets, signals */
        size = sizeof attr;
    }
    int fd = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
    if (fd < 0)
        return 0;
    long r = syscall(SYS_landlock_restrict_self, fd, 0);
    close(fd);
    return r == 0 ? (int)abi : 0;
}

static int drop_capabilities(struct err *e) {
    struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct none[2] = { 0 };
    if (syscall(SYS_capset, &head, none) < 0)
        return err_sys(e, ERR_INTERNAL, "dropping capabilities");
    return 0;
}

static int64_t address_space(void) {
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (!f)
        return 0;
    if (fscanf(f, "%ld", &pages) != 1)
        pages = 0;
    fclose(f);
    return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

static int set_limits(const struct sandbox_limits *lim, int64_t born_with, struct err *e) {
    const struct { int what; int64_t to; } limits[] = {
        { RLIMIT_CORE, 0 }, { RLIMIT_MEMLOCK, 0 }, { RLIMIT_FSIZE, lim->file_max }, { RLIMIT_CPU, lim->cpu_s }, { RLIMIT_NOFILE, lim->fds },
        { RLIMIT_AS, born_with + lim->memory_max },
    };
    for (size_t i = 0; i < COUNT(limits); i++) {
        struct rlimit r = { (rlim_t)limits[i].to, (rlim_t)limits[i].to };
        if (setrlimit(limits[i].what, &r) < 0)
            return err_sys(e, ERR_INTERNAL, "setting resource limit %d", limits[i].what);
    }
    return 0;
}

/* Root needs no user namespace for the others, and would lose its right to read the models in a user's folder in one. */
void sandbox_prepare(struct sandbox_level *ret) {
    ret->namespaces = unshare(CLONE_NEWNET | CLONE_NEWIPC) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC) == 0;
}

int sandbox_enter(const struct sandbox_limits *lim, struct sandbox_level *ret, struct err *e) {
    int64_t born_with = address_space();
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return err_sys(e, ERR_INTERNAL, "giving up privileges");
    int r = drop_capabilities(e);
    if (r < 0)
        return r;
    ret->landlock = forbid_files();
    if (close_range((unsigned)lim->fds, ~0U, 0) < 0)
        return err_sys(e, ERR_INTERNAL, "closing descriptors");
    if ((r = set_limits(lim, born_with, e)) < 0)
        return r;
    r = filter_syscalls(e);
    ret->seccomp = r == 0;
    return r;
}
