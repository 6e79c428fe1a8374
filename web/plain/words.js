// words.js - every word of the page, in both languages, and which language it is in.

const en = {
  skip: 'Skip to the content',
  lead: 'Choose photos of one to five people, pick a background, and get four group pictures to choose from.',
  photos: 'Photos',
  photosHint: 'Clear, from the front, the whole head visible. JPEG, PNG, WebP or HEIC, up to 10 MB, shorter side at least 720 pixels.',
  privacy: 'Your photos are used for this picture only. They are deleted 24 hours after it is made, the results after 30 days. Nobody trains anything on them.',
  consent: 'Everybody in the photos agrees to their being processed.',
  consentFirst: 'Please tick first that everybody agrees.',
  choose: 'Choose photos',
  drop: 'or drop them here',
  style: 'Background',
  own: 'A photo of my own',
  price: 'Price',
  start: 'Make the picture',
  waiting: 'Waiting …',
  sending: p => `Sending: ${p} %`,
  checking: 'Looking for faces …',
  checkingBackdrop: 'Checking …',
  oneFound: 'One person found.',
  found: n => `${n} people found. Tick who joins.`,
  backdropGood: 'Good as a background.',
  face: (n, name) => `Person ${n} from the left in ${name} joins the picture`,
  faceBad: (n, why) => `Person ${n} from the left: ${why}`,
  remove: 'Remove',
  removeNamed: name => `Remove ${name}`,
  replace: 'Choose another',
  needPeople: 'Tick at least one person in your photos.',
  needBackdrop: 'Choose a background.',
  needWait: 'Your photos are still on their way.',
  tooMany: max => `At most ${max} people can join.`,
  summary: (people, pictures, credits) => `${people} ${people === 1 ? 'person' : 'people'}, ${pictures} pictures to choose from: ${credits} credits.`,
  credits: n => `${n} credits`,
  states: {
    queued: 'In line', preparing: 'Cutting people out', running: 'Putting everybody together', checking: 'Checking the pictures',
    choosing: 'Choose your favourite', done: 'Here it is', failed: 'This did not work', cancelled: 'Cancelled',
  },
  leads: {
    queued: 'Your picture is waiting for its turn.', preparing: 'Every person is freed from their background.',
    running: 'Sizes, light and colours are made to agree.', checking: 'Every face is compared with its photo; a bad picture is made again.',
    choosing: 'The best one stands first. You can look at all of them before you choose.', done: 'Keep it: it is deleted here after 30 days.',
    failed: 'Your credits were given back.', cancelled: 'Your credits were given back.',
  },
  place: n => `${n} ahead of you`,
  eta: s => `about ${s < 90 ? `${Math.max(5, Math.round(s / 5) * 5)} seconds` : `${Math.round(s / 60)} minutes`} left`,
  mayClose: 'You may close this page and come back to this address.',
  cancel: 'Cancel',
  pick: 'Take this one',
  best: 'Best',
  result: n => `Picture ${n}`,
  download: 'Download',
  another: 'Make another',
  deletedAt: when => `Will be deleted ${when}.`,
  deleteNow: 'Delete everything now',
  deleteSure: 'Really delete the pictures and your photos?',
  deletedTitle: 'Deleted',
  deleted: 'The pictures and the photos they were made of have been deleted.',
  offline: 'You are offline. Everything goes on as soon as you are back.',
  busy: s => `The server is busy. Trying again in ${s} seconds …`,
  lost: 'The server cannot be reached. Trying again …',
  tooLarge: 'This file is over 10 MB.',
  foot: 'Pictures made here are made by AI.',
  other: '中文',
};

const zh = {
  skip: '跳到正文',
  lead: '选择一到五人的照片，挑一个背景，得到四张合影，选出最满意的一张。',
  photos: '照片',
  photosHint: '请选择清晰、正面、头部完整的照片。支持 JPEG、PNG、WebP、HEIC，不超过 10 MB，短边不少于 720 像素。',
  privacy: '照片仅用于本次制作：原图在成片后 24 小时删除，成片在 30 天后删除，绝不用于训练。',
  consent: '照片中的每个人都同意处理这些照片。',
  consentFirst: '请先勾选同意。',
  choose: '选择照片',
  drop: '或将照片拖到这里',
  style: '背景',
  own: '用自己的照片',
  price: '价格',
  start: '开始制作',
  waiting: '等待中……',
  sending: p => `上传中：${p} %`,
  checking: '正在识别人脸……',
  checkingBackdrop: '正在检查……',
  oneFound: '找到一个人。',
  found: n => `找到 ${n} 个人，请勾选参加合影的人。`,
  backdropGood: '可以用作背景。',
  face: (n, name) => `${name} 中左起第 ${n} 人参加合影`,
  faceBad: (n, why) => `左起第 ${n} 人：${why}`,
  remove: '移除',
  removeNamed: name => `移除 ${name}`,
  replace: '换一张',
  needPeople: '请在照片中至少勾选一个人。',
  needBackdrop: '请选择背景。',
  needWait: '照片还在上传，请稍候。',
  tooMany: max => `最多 ${max} 个人。`,
  summary: (people, pictures, credits) => `${people} 人合影，共 ${pictures} 张可选，需 ${credits} 点。`,
  credits: n => `${n} 点`,
  states: {
    queued: '排队中', preparing: '正在抠图', running: '正在合成', checking: '正在检查',
    choosing: '请选出最满意的一张', done: '合影已完成', failed: '制作失败', cancelled: '已取消',
  },
  leads: {
    queued: '正在等待处理。', preparing: '正在把每个人从原背景中分离出来。',
    running: '正在统一大小、光线和色彩。', checking: '逐一比对每张脸，不合格的会重新制作。',
    choosing: '最佳的一张排在最前，可以逐张查看后再选择。', done: '请及时保存：成片将在 30 天后删除。',
    failed: '点数已退回。', cancelled: '点数已退回。',
  },
  place: n => `前面还有 ${n} 个`,
  eta: s => (s < 90 ? `大约还需 ${Math.max(5, Math.round(s / 5) * 5)} 秒` : `大约还需 ${Math.round(s / 60)} 分钟`),
  mayClose: '可以关闭页面，稍后用同一网址回来查看。',
  cancel: '取消',
  pick: '就选这张',
  best: '最佳',
  result: n => `第 ${n} 张`,
  download: '下载',
  another: '再做一张',
  deletedAt: when => `将于${when}删除。`,
  deleteNow: '立即全部删除',
  deleteSure: '确定删除成片和照片吗？',
  deletedTitle: '已删除',
  deleted: '成片和所用的照片已删除。',
  offline: '网络已断开，恢复后会自动继续。',
  busy: s => `服务繁忙，${s} 秒后自动重试……`,
  lost: '无法连接服务器，正在重试……',
  tooLarge: '文件超过 10 MB。',
  foot: '本站图片由人工智能生成。',
  other: 'English',
};

const tables = { en, zh };
const asked = localStorage.getItem('lang') ?? (navigator.languages ?? [navigator.language]).find(l => /^(en|zh)\b/i.test(l))?.slice(0, 2).toLowerCase();
export let lang = asked === 'zh' ? 'zh' : 'en';
export let words = tables[lang];

/** Puts the words into every element that names them; data-words="key". */
export function showWords() {
  document.documentElement.lang = lang === 'zh' ? 'zh-CN' : 'en';
  for (const node of document.querySelectorAll('[data-words]')) node.textContent = words[node.dataset.words];
}

export function setLang(l) {
  lang = l;
  words = tables[l];
  localStorage.setItem('lang', l);
  showWords();
}

/** What a reason of the server says, in the page's language: { en, zh, next_en, next_zh } of verdicts, { i18n } of problems. */
export function reasonText(r) {
  if (r.i18n) return { title: r.i18n[lang].title, next: r.i18n[lang].next };
  return { title: r[lang], next: r[`next_${lang}`] };
}

export function when(ms) {
  return new Date(ms).toLocaleString(lang === 'zh' ? 'zh-CN' : 'en', { dateStyle: 'medium', timeStyle: 'short' });
}
