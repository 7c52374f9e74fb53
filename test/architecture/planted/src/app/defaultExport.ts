export default function fault(): void {}
