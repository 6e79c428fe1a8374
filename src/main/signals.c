/* signals.c - see signals.h. One thread sits in sigwait, so that nothing ever runs in a signal handler. */
#include "main/signals.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

static sigset_t asked;
static sem_t arrived;
static atomic_int first;

static void *signals_main(void *arg) {
    pthread_setname_np(pthread_self(), "signals");
    for (;;) {
        int sig = 0;
        if (sigwait(&asked, &sig) != 0)
            continue;
        if (atomic_load(&first)) {
            log_event(LOG_WARN, "server.killed", F_INT("signal", sig));
            _exit(128 + sig);            /* as the shell would say: whoever asks twice does not want to wait */
        }
        atomic_store(&first, sig);
        sem_post(&arrived);
    }
    return NULL;
}

int signals_setup(struct err *e) {
    pthread_t thread;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    sigemptyset(&asked);
    sigaddset(&asked, SIGTERM);
    sigaddset(&asked, SIGINT);
    if (sem_init(&arrived, 0, 0) < 0 || pthread_sigmask(SIG_BLOCK, &asked, NULL) != 0 ||
        pthread_create(&thread, NULL, signals_main, NULL) != 0)
        return err_sys(e, ERR_INTERNAL, "signals");
    pthread_detach(thread);
    return 0;
}

bool signals_wait_ms(int ms) {
    if (!atomic_load(&first))
        nanosleep(&(struct timespec){ .tv_nsec = (long)ms * 1000 * 1000 }, NULL);
    return atomic_load(&first) != 0;
}

int signals_wait(void) {
    while (sem_wait(&arrived) < 0 && errno == EINTR)
        ;
    return atomic_load(&first);
}
