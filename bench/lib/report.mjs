export const page = (about, rows) => JSON.stringify(rows);
