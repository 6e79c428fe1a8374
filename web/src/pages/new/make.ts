/** From a price to the making: one quote, one task, however often it is pressed. */
import { useMutation, useQueryClient, type UseMutationResult } from '@tanstack/react-query';
import { useLocation } from 'wouter';
import { api, asProblem, type Schemas } from '../../lib/api';
import { useJourney } from '../../lib/journey';
import { useMoved } from '../../lib/shop';

export function useMake(onStale: () => void): UseMutationResult<Schemas['Task'], Error, string> {
  const journey = useJourney(), cache = useQueryClient(), moved = useMoved(), [, go] = useLocation();
  return useMutation({
    mutationFn: (quote: string) => api.post('/v1/tasks', { body: { quote }, key: quote }),
    onSuccess: task => {
      cache.setQueryData(['task', task.id], task);
      cache.removeQueries({ queryKey: ['quote'] });        // it bought its picture: the same photos once more are another one
      moved();
      void cache.invalidateQueries({ queryKey: ['tasks'] });
      go(`/t/${task.id}`, { replace: true });
      journey.finish(task.id);
    },
    onError: error => { if (['quote_expired', 'free_used', 'no_credit', 'plan_needed'].includes(asProblem(error).code)) onStale(); },
  });
}
