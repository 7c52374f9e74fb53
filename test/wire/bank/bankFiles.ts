/** Statements in the shapes of ISO 20022 (camt.053.001.02 and .08) and of a bank's CSV. */

export const iban = 'DE89370400440532013000';

function reference(text: string): string {
  return `<Strd><CdtrRefInf><Ref>${text}</Ref></CdtrRefInf></Strd>`;
}

/** A CRDT entry of 40.00 with plain remittance, as version 02 writes it. */
export function entry02(
  part: {
    ref?: string;
    amount?: string;
    direction?: string;
    reversal?: string;
    status?: string;
    text?: string;
    structured?: string;
    endToEnd?: string;
    currency?: string;
  } = {},
): string {
  const { ref = 'B-1', amount = '40.00', direction = 'CRDT', currency = 'EUR' } = part;
  const { reversal, status = 'BOOK', text, structured, endToEnd = 'NOTPROVIDED' } = part;
  return `<Ntry><Amt Ccy="${currency}">${amount}</Amt><CdtDbtInd>${direction}</CdtDbtInd>
    ${reversal === undefined ? '' : `<RvslInd>${reversal}</RvslInd>`}<Sts>${status}</Sts>
    <BookgDt><Dt>2026-11-20</Dt></BookgDt><ValDt><Dt>2026-11-20</Dt></ValDt>
    <AcctSvcrRef>${ref}</AcctSvcrRef><NtryDtls><TxDtls>
    <Refs><EndToEndId>${endToEnd}</EndToEndId></Refs><RmtInf>
    ${text === undefined ? '' : `<Ustrd>${text}</Ustrd>`}
    ${structured === undefined ? '' : reference(structured)}
    </RmtInf></TxDtls></NtryDtls></Ntry>`;
}

export function camt(
  entries: string,
  { version = '02', account = iban, id = 'S-1' }: Partial<Record<string, string>> = {},
): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.${version}"><BkToCstmrStmt>
<GrpHdr><MsgId>M-1</MsgId><CreDtTm>2026-11-20T21:00:00+01:00</CreDtTm></GrpHdr>
<Stmt><Id>${id}</Id><Acct><Id><IBAN>${account}</IBAN></Id></Acct>
${entries}</Stmt></BkToCstmrStmt></Document>`;
}

/** As version 08 writes it: the status in an element, a batch of two transactions. */
export const batch08 = `<Ntry><NtryRef>1</NtryRef><Amt Ccy="EUR">30.50</Amt>
<CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><DtTm>2026-11-20T10:00:00+01:00</DtTm>
</BookgDt><AcctSvcrRef>B-77</AcctSvcrRef><NtryDtls><Btch><NbOfTxs>2</NbOfTxs></Btch>
<TxDtls><Refs><EndToEndId>E-1</EndToEndId></Refs><Amt Ccy="EUR">10.25</Amt>
<CdtDbtInd>CRDT</CdtDbtInd><RmtInf><Ustrd>A-1</Ustrd></RmtInf></TxDtls>
<TxDtls><Refs><EndToEndId>E-2</EndToEndId></Refs><Amt Ccy="EUR">20.25</Amt>
<CdtDbtInd>CRDT</CdtDbtInd><RmtInf><Ustrd>A-2</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>`;

export const csvColumnsText = {
  delimiter: ';',
  decimal: ',',
  date: 'DD.MM.YYYY',
  reference: 'Ref',
  amount: 'Amount',
  bookedOn: 'Booked',
  remittance: ['Purpose', 'Payer'],
};

export const csvText = `Booked;Ref;Amount;Purpose;Payer\r
20.11.2026;C-1;40,00;"rent ""and"" A-1; thanks";Ada\r
20.11.2026;C-2;-12,5;fee;Bank\r
20.11.2026;C-3;0,00;nothing;Bank\r
`;
