/** What can be made, and where. */
import { useQuery, type UseQueryResult } from '@tanstack/react-query';
import { api, type Schemas } from './api';

export type Recipe = Schemas['Recipe'];
export type Template = Schemas['Template'];

interface Input { name: string; kind: string; min: number; max: number; bytes_max: number; short_side_min_px: number }

const HOUR = 3_600_000;

export function useRecipe(): UseQueryResult<Recipe | undefined> {
  return useQuery({ queryKey: ['recipes'], staleTime: HOUR, queryFn: () => api.get('/v1/recipes'), select: list => list.items[0] });
}
export function useTemplates(): UseQueryResult<Template[]> {
  return useQuery({ queryKey: ['templates'], staleTime: HOUR, queryFn: () => api.get('/v1/templates'), select: list => list.items });
}

/** The rules for photos of people. */
export function peopleRules(recipe: Recipe | undefined): { max: number; bytesMax: number; megabytes: number; pixels: number } {
  const input = (recipe?.inputs as Input[] | undefined)?.find(i => i.kind === 'people'), bytesMax = input?.bytes_max ?? 10_000_000;
  return { max: input?.max ?? 5, bytesMax, megabytes: Math.round(bytesMax / 1_000_000), pixels: input?.short_side_min_px ?? 720 };
}

export function creditsOf(recipe: Recipe): number {
  return recipe.credits * (recipe.credits_per === 'candidate' ? recipe.candidates_max : 1);
}
