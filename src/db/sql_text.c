/* sql_text.c - one scanner, two uses. */
#include "db/sql_text.h"

#include <ctype.h>

enum piece { PIECE_PLAIN, PIECE_QUOTED, PIECE_COMMENT };

/* Position of the two characters `ab` in s from `at`, or s.n. */
static size_t find_pair(struct str s, size_t at, char a, char b) {
    for (; at + 1 < s.n; at++)
        if (s.p[at] == a && s.p[at + 1] == b)
            return at;
    return s.n;
}

/* Length of the quoted text that begins at s.p[0]; a doubled quote stays inside. 0 when it is not closed. */
static size_t quoted_length(struct str s) {
    char quote = s.p[0];
    for (size_t i = 1; i < s.n; i++) {
        if (s.p[i] != quote)
            continue;
        if (i + 1 == s.n || s.p[i + 1] != quote)
            return i + 1;
        i++;
    }
    return 0;
}

/* Cuts one plain character, quoted text or comment off *rest (which is not empty). */
static int next_piece(struct str *rest, struct str *ret_piece, enum piece *ret_kind, struct err *e) {
    struct str s = *rest;
    char c = s.p[0], d = s.n > 1 ? s.p[1] : 0;
    size_t n = 1;
    *ret_kind = PIECE_PLAIN;
    if (c == '\'' || c == '"' || c == '`') {
        *ret_kind = PIECE_QUOTED;
        n = quoted_length(s);
    } else if (c == '-' && d == '-') {
        const char *eol = memchr(s.p, '\n', s.n);
        *ret_kind = PIECE_COMMENT;
        n = eol ? (size_t)(eol - s.p) : s.n;
    } else if (c == '/' && d == '*') {
        size_t end = find_pair(s, 2, '*', '/');
        *ret_kind = PIECE_COMMENT;
        n = end < s.n ? end + 2 : 0;
    }
    if (n == 0)
        return err_set(e, ERR_BAD_INPUT, "SQL: not closed: %.*s", (int)(s.n < 40 ? s.n : 40), s.p);
    *ret_piece = (struct str){ s.p, n };
    *rest = (struct str){ s.p + n, s.n - n };
    return 0;
}

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/* 1: a comment for this driver alone; *ret_text is what it says. */
static bool is_for(struct str comment, const char *driver, struct str *ret_text) {
    size_t n = driver ? strlen(driver) : 0;
    if (!n || comment.p[1] != '*' || comment.n < n + 5 || memcmp(comment.p + 2, driver, n) != 0 || comment.p[2 + n] != ':')
        return false;
    *ret_text = (struct str){ comment.p + n + 3, comment.n - n - 5 };
    return true;
}

static size_t without_last_word(const struct buf *b, size_t begin) {
    size_t n = b->n;
    while (n > begin && (isalnum((unsigned char)b->p[n - 1]) || b->p[n - 1] == '_'))
        n--;
    return n;
}

int db_sql_next(struct str *rest, const char *driver, struct buf *out, struct err *e) {
    size_t begin = out->n, end = out->n;             /* end: behind the last character that is not blank */
    while (rest->n) {
        struct str piece, own;
        enum piece kind;
        int r = next_piece(rest, &piece, &kind, e);
        if (r < 0)
            return r;
        if (kind == PIECE_COMMENT && is_for(piece, driver, &own)) {
            out->n = without_last_word(out, begin);
            buf_add_str(out, own);
            end = out->n;
            continue;
        }
        if (kind == PIECE_PLAIN && piece.p[0] == ';') {
            if (end > begin)
                break;
            continue;                                /* an empty statement */
        }
        bool blank = kind == PIECE_COMMENT || (kind == PIECE_PLAIN && is_blank(piece.p[0]));
        if (blank && out->n == begin)
            continue;
        if (kind == PIECE_COMMENT)
            buf_add_c(out, ' ');
        else
            buf_add_str(out, piece);
        if (!blank)
            end = out->n;
    }
    if (out->failed)
        return err_set(e, ERR_TOO_BIG, "SQL: a statement over %zu bytes", out->max);
    if (out->n > end) {
        out->n = end;
        out->p[end] = 0;
    }
    return end > begin;
}

int db_sql_dollars(struct str sql, struct buf *out, struct err *e) {
    int n = 0;
    while (sql.n) {
        struct str piece;
        enum piece kind;
        int r = next_piece(&sql, &piece, &kind, e);
        if (r < 0)
            return r;
        if (kind == PIECE_PLAIN && piece.p[0] == '?')
            buf_printf(out, "$%d", ++n);
        else
            buf_add_str(out, piece);
    }
    return out->failed ? err_set(e, ERR_TOO_BIG, "SQL: over %zu bytes", out->max) : n;
}
