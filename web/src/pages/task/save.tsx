/** Saves a picture, or says why it cannot: what the browser itself would save is the server's refusal, under a name of its own. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import type { MouseEvent, ReactNode } from 'react';
import { api, asProblem } from '../../lib/api';
import { content } from '../../lib/task';
import { FileLink } from '../../ui/button';
import type { IconName } from '../../ui/icons';
import { ProblemNotice } from '../../ui/notice';

function download(href: string): void {
  const link = document.createElement('a');
  link.href = href;
  link.download = '';
  document.body.append(link);
  link.click();
  link.remove();
}

export function Save({ asset, icon, children }: { asset: string; icon?: IconName | undefined; children: ReactNode }) {
  const cache = useQueryClient(), href = `${content(asset)}?download=1`;
  const save = useMutation({
    mutationFn: () => api.get('/v1/assets/{id}', { path: { id: asset } }),
    onSuccess: () => download(href),
    onError: () => { void cache.invalidateQueries({ queryKey: ['task'] }); },        // perhaps it was deleted elsewhere
  });
  const click = (event: MouseEvent): void => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (!save.isPending) save.mutate();
  };
  return (
    <div className="save">
      {save.error && <ProblemNotice problem={asProblem(save.error)} />}
      <FileLink big icon={icon} href={href} download="" onClick={click}>{children}</FileLink>
    </div>
  );
}
