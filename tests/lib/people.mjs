// people.mjs - somebody with an account: how one comes to be, and how they come in.
import { Client } from './client.mjs';

/** Where the newest mail to somebody leads. operator: a Client with the operator's token. */
export async function linkOf(operator, email, kind) {
  const { items } = await operator.get('/v1/admin/mails'), { text } = await operator.get(`/v1/admin/mails/${items.find(m => m.to === email).id}`);
  return new RegExp(`/auth#${kind}=[\\w-]+`).exec(text)[0];
}

/** Somebody with an account, who is not here. */
export async function person(operator, email, password) {
  const guest = await Client.guest(operator.url);
  await guest.post('/v1/accounts', { email, password });
  await guest.post('/v1/tokens', { token: (await linkOf(operator, email, 'confirm')).split('=')[1] });
}

/** By the form that the page shows. */
export async function typeIn(walk, email, password) {
  await walk.$('input[type=email]').fill(email);
  await walk.$('input[name=password]').fill(password);
  await walk.$('button[type=submit]').click();
}
