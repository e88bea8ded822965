// The JSON API of the same server. What is asked for twice within a minute is asked once.
const kept = new Map();
const FRESH = 60_000;

export class Refused extends Error {
  constructor(status, detail, remedy = "") {
    super(remedy ? `${detail}\n${remedy}` : detail);
    this.status = status;
  }
}

export async function ask(path, parameters = {}) {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== "" && value !== null && value !== undefined && value !== false));
  const address = `/api/v1/${path}${query.size ? `?${query}` : ""}`;
  const before = kept.get(address);
  if (before && Date.now() - before.at < FRESH) return before.answer;
  const answer = read(address);
  kept.set(address, { at: Date.now(), answer });
  answer.catch(() => kept.delete(address));
  return answer;
}

// A picture as text.
export const drawn = (address) => read(address, (response) => response.text());

async function read(address, take = (response) => response.json().catch(() => ({}))) {
  let response;
  try {
    response = await fetch(address);
  } catch {
    throw new Refused(0, "The server does not answer.", "Is `exfolio serve` still running?");
  }
  if (response.ok) return take(response);
  const body = await response.json().catch(() => ({}));
  const detail = Array.isArray(body.detail) ? body.detail.map((one) => `${one.loc?.slice(1).join(".")}: ${one.msg}`).join("; ") : body.detail;
  throw new Refused(response.status, detail ?? body.errors?.[0]?.detail ?? response.statusText, body.remedy);
}

// An id as a part of a path: slashes in it stay, as the server takes them.
export const idPath = (id) => id.split("/").map(encodeURIComponent).join("/");
