/** The icons, drawn on a grid of 24 with one stroke; they take the colour of the text. Beside words they are decoration. */
const PATHS = {
  plus: 'M12 5v14M5 12h14',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  close: 'M6 6l12 12M18 6L6 18',
  back: 'M15 5l-7 7 7 7',
  forward: 'M9 5l7 7-7 7',
  camera: 'M4 8.5h3.2L8.7 6h6.6l1.5 2.5H20v10.5H4zM12 16.5a3.2 3.2 0 100-6.4 3.2 3.2 0 000 6.4z',
  image: 'M4 5h16v14H4zM4 16l4.5-4.5 3.5 3.5 3-3 5 5M9 9.5h.01',
  frame: 'M3 4h18v16H3zM7 8h10v8H7z',
  clock: 'M12 21a9 9 0 100-18 9 9 0 000 18zM12 7v5.2l3.4 2',
  shield: 'M12 3l7.5 3v5.4c0 4.4-3 8-7.5 9.6-4.5-1.6-7.5-5.2-7.5-9.600V6zM8.8 12l2.3 2.3 4.2-4.5',
  trash: 'M5 7h14M10 7V4.500h4V7M7 7l.8 12.500h8.400L17 7M10.2 10.500v5.500M13.8 10.500v5.5',
  download: 'M12 4v11M7.5 11l4.5 4.5 4.5-4.500M5 20h14',
  share: 'M12 14V4M8 7.500L12 3.500l4 4M6 11.500v8.500h12v-8.5',
  compare: 'M4 5h7v14H4zM13 5h7v14h-7z',
  user: 'M12 12a4 4 0 100-8 4 4 0 000 8zM4.5 20.500c.7-4 3.8-6 7.5-6s6.8 2 7.5 6',
  people: 'M9 11.500a3.5 3.5 0 100-7 3.5 3.5 0 000 7zM2.5 20c.6-3.6 3.2-5.5 6.5-5.500s5.9 1.9 6.5 5.500M16 11.500a3 3 0 100-6M17.5 14.800c2.3.5 3.7 2.3 4 5.2',
  globe: 'M12 21a9 9 0 100-18 9 9 0 000 18zM3.5 12h17M12 3c2.7 2.6 4 5.6 4 9s-1.3 6.4-4 9c-2.7-2.6-4-5.6-4-9s1.3-6.4 4-9z',
  sun: 'M12 16a4 4 0 100-8 4 4 0 000 8zM12 2.500v2M12 19.500v2M4.6 4.600L6 6M18 18l1.4 1.400M2.5 12h2M19.5 12h2M4.6 19.400L6 18M18 6l1.4-1.4',
  eye: 'M2.5 12c2.3-4.3 5.5-6.5 9.5-6.500s7.2 2.2 9.5 6.500c-2.3 4.3-5.5 6.5-9.5 6.500S4.8 16.3 2.5 12zM12 14.800a2.8 2.8 0 100-5.6 2.8 2.8 0 000 5.600z',
  warn: 'M12 4L2.8 20h18.400zM12 10v4.500M12 17.300h.01',
  heart: 'M12 20s-8-4.7-8-10.500C4 6.5 6.1 4.8 8.3 4.800c1.6 0 2.9.9 3.7 2.2.8-1.3 2.1-2.2 3.7-2.2 2.2 0 4.3 1.7 4.3 4.700C20 15.3 12 20 12 20z',
  zoomIn: 'M10.5 17a6.5 6.5 0 100-13 6.5 6.5 0 000 13zM15.3 15.300L20.5 20.500M10.5 7.500v6M7.5 10.500h6',
  zoomOut: 'M10.5 17a6.5 6.5 0 100-13 6.5 6.5 0 000 13zM15.3 15.300L20.5 20.500M7.5 10.500h6',
  swap: 'M4 8h14M14.5 4.500L18 8l-3.5 3.500M20 16H6M9.5 12.500L6 16l3.5 3.5',
  mail: 'M3.5 6h17v12.500h-17zM4 6.500l8 6.5 8-6.5',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 20 }: { name: IconName; size?: number }) {
  return (
    <svg className="icon" width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="1.8" strokeLinecap="round"
      strokeLinejoin="round" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}

/** The mark of the house: two people under one round moon. */
export function Mark({ size = 32 }: { size?: number }) {
  return (
    <svg className="mark" width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <circle cx="16" cy="16" r="15" className="mark-seal" />
      <path className="mark-people" d="M11.4 14.800a3.2 3.2 0 100-6.4 3.2 3.2 0 000 6.400zm9.2 0a3.2 3.2 0 100-6.4 3.2 3.2 0 000 6.400zM5.8 24c.3-4.6 2.5-7.3 5.6-7.3 1.9 0 3.5 1 4.6 2.7 1.1-1.7 2.7-2.7 4.6-2.7 3.1 0 5.3 2.7 5.6 7.300z" />
    </svg>
  );
}
