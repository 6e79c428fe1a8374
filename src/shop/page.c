/* page.c - a page of a list: the rows' ids, each rendered. Ids first: no row stays open while others are read. */
#include "base/json.h"
#include "db/db.h"
#include "shop/internal.h"

#define PAGE_MAX 100

int shop__write_page(struct db_tx *tx, const struct shop *s, struct db_rows *rows, int64_t account, shop__render_fn *render, struct buf *out, struct err *e) {
    int64_t ids[PAGE_MAX];
    size_t n = 0;
    int r = 0;
    while (n < PAGE_MAX && (r = db_next(rows, e)) == 1)
        ids[n++] = db_int(rows, 0);
    db_rows_done(rows);
    struct jw w;
    jw_init(&w, out);
    jw_arr(&w);
    for (size_t i = 0; r >= 0 && i < n; i++)
        r = render(tx, s, ids[i], account, &w, e);
    jw_end_arr(&w);
    return r < 0 ? r : 0;
}
