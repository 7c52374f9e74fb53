/** Which account a payer may have meant, by what was written on a transfer. */

/** Words of one remittance that are looked up: 1,000 characters hold few more that are numbers. */
const wordsMax = 64;
const wordLengthMax = 60;

/** ISO 11649: RF, two check digits, up to 21 characters. */
const creditorReference = /^RF\d{2}[A-Z0-9]{1,21}$/;

/** ISO 7064 modulo 97: the check digits moved behind, letters as 10 to 35. */
function isChecked(reference: string): boolean {
  const moved = reference.slice(4) + reference.slice(0, 4);
  let rest = 0;
  for (const character of moved) {
    const value = Number.parseInt(character, 36);
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
  }
  return rest === 1;
}

function unique(words: readonly string[]): readonly string[] {
  return [...new Set(words.filter((word) => word !== '' && word.length <= wordLengthMax))];
}

/** Account numbers that a structured reference may name: itself, or what RF and its digits wrap. */
export function referenceCandidates(structuredRef: string): readonly string[] {
  const plain = structuredRef.trim();
  const packed = plain.replaceAll(/\s/g, '').toUpperCase();
  const isCreditor = creditorReference.test(packed) && isChecked(packed);
  return unique([plain, packed, ...(isCreditor ? [packed.slice(4)] : [])]);
}

/**
 * Whole words of a text: "A-1001" is found in "power A-1001, thanks" and in "A-1001/November", but
 * neither in "XA-1001" nor in "A-1001-2".
 */
export function textCandidates(remittance: string): readonly string[] {
  const words = remittance.match(/[\p{L}\p{N}]+(?:[-._][\p{L}\p{N}]+)*/gu) ?? [];
  return unique(words.flatMap((word) => [word, word.toUpperCase()])).slice(0, wordsMax);
}
