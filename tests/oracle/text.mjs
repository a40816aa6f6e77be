// Texts as they are compared.

export const fold = (s) => s.trim().normalize('NFKC').toLowerCase().trim();
export const bytesLess = (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b));
